import { randomUUID } from 'node:crypto'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { expect } from 'vitest'
import { FlightInfo } from '../../gen/arrow/flight/protocol/Flight.ts'
import { commandOf, ticketOf } from '../e2e/flight-stub.ts'
import { GatewayProcess, type LogLine } from '../e2e/gateway-process.ts'
import { endOf, openCall, type RawEnd } from '../e2e/raw-do-get.ts'

const PREFIX_BYTES = 5

/** Options of a statement. */
export interface Asked {
  readonly source: string
  readonly sql: string
  /** The deadline that the client sets for the result. */
  readonly deadlineMs?: number
}

/** A running statement, and its request id in the log. */
export interface Reading {
  readonly stream: ClientHttp2Stream
  readonly requestId: string
}

/** A gateway in its own process, observed from outside: by its answers, metrics and log. */
export class WatchedGateway {
  readonly process: GatewayProcess
  readonly #session: ClientHttp2Session

  private constructor(process: GatewayProcess) {
    this.process = process
    this.#session = this.connect()
  }

  /** Starts a gateway without a cache, unless the configuration says otherwise: each statement reaches its engine. */
  static async start(config: object): Promise<WatchedGateway> {
    return new WatchedGateway(await GatewayProcess.start({ cache: { maxBytes: 0 }, ...config }))
  }

  /** Opens a client's connection. */
  connect(): ClientHttp2Session {
    return connect(`http://${this.process.flight}`).on('error', () => {})
  }

  /** Opens GetFlightInfo and reads nothing. */
  plan({ source, sql }: Asked, session = this.#session, requestId: string = randomUUID()): Reading {
    const headers = { 'x-flightgate-source': source, 'x-request-id': requestId }
    return { stream: openCall(session, 'GetFlightInfo', commandOf(sql), headers), requestId }
  }

  /** Plans a statement, which must succeed, and opens its result without reading it. */
  async open(asked: Asked, session = this.#session): Promise<Reading> {
    const { stream, requestId } = this.plan(asked, session)
    const planned = await endOf(stream)
    if (planned.status !== 0) throw new Error(`not planned: ${planned.message}`)
    return this.#redeem(planned, asked, session, requestId)
  }

  /** Plans a statement and reads its result; returns the end of the first call that failed, else of the second. */
  async read(asked: Asked, session = this.#session): Promise<RawEnd & { readonly requestId: string }> {
    const { stream, requestId } = this.plan(asked, session)
    const planned = await endOf(stream)
    const end = planned.status === 0 ? await endOf(this.#redeem(planned, asked, session, requestId).stream) : planned
    return { ...end, requestId }
  }

  /** The log line for the end of the statement or call with this id. */
  async logged(requestId: string, event: 'statement' | 'call'): Promise<LogLine> {
    return await this.process.line((line) => line['requestId'] === requestId && line['event'] === event)
  }

  /** Waits until the gateway holds nothing: no lease, no queued or running statement, no byte. */
  async expectNothingHeld(): Promise<void> {
    const held = async () => {
      const metric = await this.process.metrics()
      return {
        leases: metric('flightgate_pool_connections', { state: 'in_use' }),
        waitingForConnections: metric('flightgate_pool_connections', { state: 'waiting' }),
        waitingForSlots: metric('flightgate_queued_statements'),
        statements: metric('flightgate_statements_in_flight'),
        calls: metric('flightgate_calls_in_flight'),
        inFlightBytes: metric('flightgate_in_flight_bytes'),
        slowReaderBytes: metric('flightgate_slow_reader_bytes'),
      }
    }
    await expect.poll(held).toEqual({
      leases: 0,
      waitingForConnections: 0,
      waitingForSlots: 0,
      statements: 0,
      calls: 0,
      inFlightBytes: 0,
      slowReaderBytes: 0,
    })
  }

  /** Stops the gateway; returns its exit code. */
  async stop(): Promise<number> {
    this.#session.destroy()
    return await this.process.stop()
  }

  #redeem({ body }: RawEnd, asked: Asked, session: ClientHttp2Session, requestId: string): Reading {
    const headers = {
      'x-flightgate-source': asked.source,
      'x-request-id': requestId,
      ...(asked.deadlineMs !== undefined && { 'grpc-timeout': `${asked.deadlineMs}m` }),
    }
    const ticket = ticketOf(FlightInfo.decode(body.subarray(PREFIX_BYTES)))
    return { stream: openCall(session, 'DoGet', ticket, headers), requestId }
  }
}
