import { BinaryWriter } from '@bufbuild/protobuf/wire'
import * as grpc from '@grpc/grpc-js'
import {
  FlightData,
  FlightDescriptor,
  FlightDescriptor_DescriptorType,
  type FlightEndpoint,
  FlightInfo,
  Ticket,
} from '../../../gen/arrow/flight/protocol/Flight.ts'
import { CommandStatementQuery } from '../../../gen/arrow/flight/protocol/FlightSql.ts'
import { type Address, addressesOf } from '../client/address.ts'
import { Connection } from '../client/connection.ts'
import type { ConnectionOptions } from '../client/connection-options.ts'

const service = '/arrow.flight.protocol.FlightService'
const COMMAND_TYPES = 'type.googleapis.com/arrow.flight.protocol.sql.'

/** A small Flight SQL client: it runs a statement and yields Arrow messages. */
export class FlightClient {
  readonly #connection: Connection
  /** Connections to the locations of endpoints. */
  readonly #locationClients = new Map<string, grpc.Client>()
  #call: { cancel(): void } | undefined

  constructor(options: ConnectionOptions) {
    this.#connection = new Connection(options)
  }

  /** Plans a statement. @throws grpc.ServiceError */
  async plan(sql: string): Promise<FlightInfo> {
    return await this.info(
      'CommandStatementQuery',
      CommandStatementQuery.encode({ query: sql, transactionId: undefined }).finish(),
    )
  }

  /** GetFlightInfo for a command of Flight SQL, by the name of its message. @throws grpc.ServiceError */
  async info(name: string, value: Uint8Array): Promise<FlightInfo> {
    return await this.#connection.withLogin(() => this.#getFlightInfo(name, value))
  }

  #getFlightInfo(name: string, value: Uint8Array): Promise<FlightInfo> {
    const cmd = new BinaryWriter().uint32(10).string(`${COMMAND_TYPES}${name}`).uint32(18).bytes(value).finish()
    const descriptor = { type: FlightDescriptor_DescriptorType.CMD, cmd, path: [] }
    return new Promise((resolve, reject) => {
      this.#call = this.#connection.client.makeUnaryRequest(
        `${service}/GetFlightInfo`,
        (message: FlightDescriptor) => Buffer.from(FlightDescriptor.encode(message).finish()),
        (bytes) => FlightInfo.decode(bytes),
        descriptor,
        this.#connection.metadata,
        { deadline: this.#connection.deadline },
        (error, info) => (error ? reject(error) : resolve(info!)),
      )
    })
  }

  /**
   * Redeems an endpoint's ticket, with backpressure, at the first of its locations that can be reached.
   * @throws grpc.ServiceError, Error when this client can use none of the locations
   */
  async *read({ ticket, location }: FlightEndpoint): AsyncGenerator<FlightData> {
    const addresses = addressesOf(
      location.map(({ uri }) => uri),
      this.#connection.address,
    )
    for (const [i, address] of addresses.entries()) {
      let begun = false
      try {
        for await (const message of this.#doGet(this.#clientAt(address), ticket ?? { ticket: new Uint8Array(0) })) {
          begun = true
          yield message
        }
        return
      } catch (error) {
        const unreachable = (error as grpc.ServiceError).code === grpc.status.UNAVAILABLE
        if (begun || !unreachable || i === addresses.length - 1) throw error
      }
    }
  }

  async *#doGet(client: grpc.Client, ticket: Ticket): AsyncGenerator<FlightData> {
    const call = client.makeServerStreamRequest(
      `${service}/DoGet`,
      (message: Ticket) => Buffer.from(Ticket.encode(message).finish()),
      (bytes) => FlightData.decode(bytes),
      ticket,
      this.#connection.metadata,
      { deadline: this.#connection.deadline },
    )
    this.#call = call
    for await (const message of call) yield message as FlightData
  }

  cancel(): void {
    this.#call?.cancel()
  }

  close(): void {
    this.#connection.close()
    for (const client of this.#locationClients.values()) client.close()
  }

  #clientAt(address: Address | undefined): grpc.Client {
    if (!address) return this.#connection.client
    const name = `${address.tls} ${address.host}`
    const client = this.#locationClients.get(name) ?? this.#connection.open(address)
    this.#locationClients.set(name, client)
    return client
  }
}
