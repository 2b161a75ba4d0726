import * as grpc from '@grpc/grpc-js'
import {
  FlightDescriptor,
  FlightDescriptor_DescriptorType,
  FlightInfo,
  Ticket,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import { CommandStatementQuery } from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { packAny } from '../../src/fronts/flight/wire/command.ts'

const service = '/arrow.flight.protocol.FlightService'
const same = (bytes: Buffer) => bytes

/** How a call ended. */
export interface CallEnd {
  readonly code: number
  readonly details: string
  readonly messages: readonly Buffer[]
  readonly headers: grpc.Metadata | undefined
  readonly trailers: grpc.Metadata | undefined
}

/** A gRPC client of the Flight service for raw bytes. */
export class FlightStub {
  readonly #client: grpc.Client

  constructor(address: string, options: grpc.ClientOptions = {}, credentials = grpc.credentials.createInsecure()) {
    this.#client = new grpc.Client(address, credentials, options)
  }

  /** Calls a method with any messages; never throws. */
  call(
    method: string,
    requests: readonly Uint8Array[],
    headers: Readonly<Record<string, string | Buffer>> = {},
    deadlineMs = 30_000,
  ): Promise<CallEnd> {
    const metadata = new grpc.Metadata()
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
    const path = method.startsWith('/') ? method : `${service}/${method}`
    return new Promise((resolve) => {
      const call = this.#client.makeBidiStreamRequest(path, same, same, metadata, { deadline: Date.now() + deadlineMs })
      const messages: Buffer[] = []
      let answer: grpc.Metadata | undefined
      call.on('metadata', (received) => {
        answer = received
      })
      call.on('data', (message: Buffer) => messages.push(message))
      call.on('error', () => {})
      call.on('status', ({ code, details, metadata: trailers }) =>
        resolve({ code, details, messages, headers: answer, trailers }),
      )
      for (const request of requests) call.write(Buffer.from(request))
      call.end()
    })
  }

  /** GetFlightInfo for a statement. */
  async info(
    sql: string,
    headers: Readonly<Record<string, string>> = {},
    transactionId?: Uint8Array,
  ): Promise<FlightInfo> {
    const end = await this.call('GetFlightInfo', [commandOf(sql, transactionId)], headers)
    if (end.code !== 0) throw new Error(`${end.code}: ${end.details}`)
    return FlightInfo.decode(end.messages[0]!)
  }

  close(): void {
    this.#client.close()
  }
}

/** A descriptor with CommandStatementQuery. */
export function commandOf(sql: string, transactionId?: Uint8Array): Uint8Array {
  const value = CommandStatementQuery.encode({ query: sql, transactionId }).finish()
  return descriptorOf(packAny('CommandStatementQuery', value))
}

/** A descriptor with these bytes as its command. */
export function descriptorOf(cmd: Uint8Array): Uint8Array {
  return FlightDescriptor.encode({ type: FlightDescriptor_DescriptorType.CMD, cmd, path: [] }).finish()
}

/** The ticket message of the only endpoint. */
export function ticketOf(info: FlightInfo): Uint8Array {
  return Ticket.encode(info.endpoint[0]!.ticket!).finish()
}
