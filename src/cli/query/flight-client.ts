import { readFileSync } from 'node:fs'
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
import type { QueryOptions } from './options.ts'

const service = '/arrow.flight.protocol.FlightService'
const COMMAND_TYPE = 'type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery'
const MAX_MESSAGE_BYTES = 2 ** 31 - 1
const WINDOW_BYTES = 8 << 20

/** A small Flight SQL client: a statement in, Arrow messages out. */
export class FlightClient {
  readonly #client: grpc.Client
  readonly #metadata: grpc.Metadata
  readonly #deadline: number
  #call: { cancel(): void } | undefined

  constructor(options: QueryOptions) {
    const { host, tls } = parseEndpoint(options.endpoint)
    this.#client = new grpc.Client(host, credentialsOf(options, tls), {
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc-node.flow_control_window': WINDOW_BYTES,
    })
    this.#metadata = metadataOf(options)
    this.#deadline = options.timeout === undefined ? Number.POSITIVE_INFINITY : Date.now() + options.timeout * 1000
  }

  /** Plans a statement. @throws grpc.ServiceError */
  plan(sql: string): Promise<FlightInfo> {
    const value = CommandStatementQuery.encode({ query: sql, transactionId: undefined }).finish()
    const cmd = new BinaryWriter().uint32(10).string(COMMAND_TYPE).uint32(18).bytes(value).finish()
    const descriptor = { type: FlightDescriptor_DescriptorType.CMD, cmd, path: [] }
    return new Promise((resolve, reject) => {
      this.#call = this.#client.makeUnaryRequest(
        `${service}/GetFlightInfo`,
        (message: FlightDescriptor) => Buffer.from(FlightDescriptor.encode(message).finish()),
        (bytes) => FlightInfo.decode(bytes),
        descriptor,
        this.#metadata,
        { deadline: this.#deadline },
        (error, info) => (error ? reject(error) : resolve(info!)),
      )
    })
  }

  /** Redeems an endpoint's ticket, under backpressure. @throws grpc.ServiceError */
  async *read(endpoint: FlightEndpoint): AsyncGenerator<FlightData> {
    const call = this.#client.makeServerStreamRequest(
      `${service}/DoGet`,
      (message: Ticket) => Buffer.from(Ticket.encode(message).finish()),
      (bytes) => FlightData.decode(bytes),
      endpoint.ticket ?? { ticket: new Uint8Array(0) },
      this.#metadata,
      { deadline: this.#deadline },
    )
    this.#call = call
    for await (const message of call) yield message as FlightData
  }

  cancel(): void {
    this.#call?.cancel()
  }

  close(): void {
    this.#client.close()
  }
}

function parseEndpoint(endpoint: string): { host: string; tls: boolean } {
  const match = /^(?:(grpc|grpc\+tcp|grpc\+tls|grpcs):\/\/)?(.+)$/.exec(endpoint)
  return { host: match?.[2] ?? endpoint, tls: match?.[1] === 'grpc+tls' || match?.[1] === 'grpcs' }
}

function credentialsOf({ tlsCa, insecureSkipVerify }: QueryOptions, tls: boolean): grpc.ChannelCredentials {
  if (!tls) return grpc.credentials.createInsecure()
  const authority = tlsCa === undefined ? null : readFileSync(tlsCa)
  return grpc.credentials.createSsl(authority, null, null, { rejectUnauthorized: insecureSkipVerify !== true })
}

function metadataOf({ header, apiKey, token, user, password, source }: QueryOptions): grpc.Metadata {
  const metadata = new grpc.Metadata()
  if (apiKey) metadata.set('x-api-key', apiKey)
  if (token) metadata.set('authorization', `Bearer ${token}`)
  else if (user || password)
    metadata.set('authorization', `Basic ${Buffer.from(`${user ?? ''}:${password ?? ''}`).toString('base64')}`)
  if (source !== undefined) metadata.set('x-flightgate-source', source)
  for (const each of header) {
    const equals = each.indexOf('=')
    metadata.set(each.slice(0, equals), each.slice(equals + 1))
  }
  return metadata
}
