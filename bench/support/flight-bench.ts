import * as grpc from '@grpc/grpc-js'
import {
  FlightDescriptor_DescriptorType as DescriptorType,
  FlightDescriptor,
  FlightInfo,
  Ticket,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import { CommandStatementQuery } from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { packAny } from '../../src/fronts/flight/wire/command.ts'

const service = '/arrow.flight.protocol.FlightService'
const bytesOf = (bytes: Buffer) => bytes

/** A Flight client on one connection that keeps the bytes as they came. */
export class FlightBench {
  readonly #client: grpc.Client
  readonly #key: string | undefined

  constructor(address: string, key?: string) {
    this.#client = new grpc.Client(address, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
    })
    this.#key = key
  }

  /** The body of a DoGet request for a statement: one gRPC message. */
  async requestOf(sql: string): Promise<Buffer> {
    const ticket = Buffer.from(await this.#ticketOf(sql))
    const prefix = Buffer.alloc(5)
    prefix.writeUInt32BE(ticket.byteLength, 1)
    return Buffer.concat([prefix, ticket])
  }

  /** Reads the rows of a statement: the body of the answer, and what the cache did. @throws the call's error */
  async read(sql: string, cacheControl?: string): Promise<{ readonly body: Buffer; readonly status: string }> {
    const call = this.#client.makeServerStreamRequest(
      `${service}/DoGet`,
      bytesOf,
      bytesOf,
      Buffer.from(await this.#ticketOf(sql)),
      this.#metadata(cacheControl),
    )
    let status = 'BYPASS'
    call.on('metadata', (headers) => {
      status = headers.get('results-cache-status')[0]?.toString() ?? status
    })
    const parts: Buffer[] = []
    for await (const message of call as AsyncIterable<Buffer>) {
      const prefix = Buffer.alloc(5)
      prefix.writeUInt32BE(message.byteLength, 1)
      parts.push(prefix, message)
    }
    return { body: Buffer.concat(parts), status }
  }

  close(): void {
    this.#client.close()
  }

  async #ticketOf(sql: string): Promise<Uint8Array> {
    const query = CommandStatementQuery.encode({ query: sql, transactionId: undefined }).finish()
    const cmd = packAny('CommandStatementQuery', query)
    const request = FlightDescriptor.encode({ type: DescriptorType.CMD, cmd, path: [] }).finish()
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const method = `${service}/GetFlightInfo`
      const done = (error: Error | null, value?: Buffer) => (value ? resolve(value) : reject(error))
      this.#client.makeUnaryRequest(method, bytesOf, bytesOf, Buffer.from(request), this.#metadata(), done)
    })
    return Ticket.encode(FlightInfo.decode(answer).endpoint[0]!.ticket!).finish()
  }

  #metadata(cacheControl?: string): grpc.Metadata {
    const metadata = new grpc.Metadata()
    if (this.#key) metadata.set('x-api-key', this.#key)
    if (cacheControl) metadata.set('cache-control', cacheControl)
    return metadata
  }
}
