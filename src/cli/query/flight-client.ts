import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { checkServerIdentity as checkIdentity, type PeerCertificate } from 'node:tls'
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
import { type Address, addressesOf, parseAddress } from './address.ts'
import { handshake } from './handshake.ts'
import type { QueryOptions } from './options.ts'

const service = '/arrow.flight.protocol.FlightService'
const COMMAND_TYPE = 'type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery'
const MAX_MESSAGE_BYTES = 2 ** 31 - 1
const WINDOW_BYTES = 8 << 20
const PLACEHOLDER_SERVER_NAME = 'address.invalid'

/** A small Flight SQL client: it runs a statement and yields Arrow messages. */
export class FlightClient {
  readonly #options: QueryOptions
  readonly #address: Address
  readonly #client: grpc.Client
  /** Connections to the locations of endpoints. */
  readonly #locationClients = new Map<string, grpc.Client>()
  #metadata: grpc.Metadata
  readonly #deadline: number
  #call: { cancel(): void } | undefined

  constructor(options: QueryOptions) {
    this.#options = options
    this.#address = parseAddress(options.endpoint) ?? { host: options.endpoint, tls: false }
    this.#client = connect(options, this.#address)
    this.#metadata = metadataOf(options)
    this.#deadline = options.timeout === undefined ? Number.POSITIVE_INFINITY : Date.now() + options.timeout * 1000
  }

  /**
   * Plans a statement. If the server rejects user and password in the call, logs in by a handshake and retries.
   * @throws grpc.ServiceError
   */
  async plan(sql: string): Promise<FlightInfo> {
    try {
      return await this.#getFlightInfo(sql)
    } catch (error) {
      const { code } = error as grpc.ServiceError
      const { user, password, token } = this.#options
      const refused = code === grpc.status.UNAUTHENTICATED || code === grpc.status.UNIMPLEMENTED
      if (!refused || token || !(user || password)) throw error
      const login = { user: user ?? '', password: password ?? '' }
      const headers = await handshake(this.#client, this.#metadata, login, this.#deadline)
      if (!headers) throw error
      this.#metadata = headers
      return await this.#getFlightInfo(sql)
    }
  }

  #getFlightInfo(sql: string): Promise<FlightInfo> {
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

  /**
   * Redeems an endpoint's ticket, with backpressure, at the first of its locations that can be reached.
   * @throws grpc.ServiceError, Error when this client can use none of the locations
   */
  async *read({ ticket, location }: FlightEndpoint): AsyncGenerator<FlightData> {
    const addresses = addressesOf(
      location.map(({ uri }) => uri),
      this.#address,
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
    for (const client of this.#locationClients.values()) client.close()
  }

  #clientAt(address: Address | undefined): grpc.Client {
    if (!address) return this.#client
    const name = `${address.tls} ${address.host}`
    const client = this.#locationClients.get(name) ?? connect(this.#options, address)
    this.#locationClients.set(name, client)
    return client
  }
}

function connect({ tlsCa, insecureSkipVerify }: QueryOptions, { host, tls }: Address): grpc.Client {
  const options = {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc-node.flow_control_window': WINDOW_BYTES,
  }
  if (!tls) return new grpc.Client(host, grpc.credentials.createInsecure(), options)
  const authority = tlsCa === undefined ? null : readFileSync(tlsCa)
  const verify = { rejectUnauthorized: insecureSkipVerify !== true }
  const ip = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  if (isIP(ip) === 0) return new grpc.Client(host, grpc.credentials.createSsl(authority, null, null, verify), options)
  // The library sends the IP address as SNI, which TLS forbids and Node rejects (RFC 6066, section 3). Send a name that does not
  // exist instead, and check the certificate against the address.
  const checkServerIdentity = (_name: string, certificate: PeerCertificate) => checkIdentity(ip, certificate)
  return new grpc.Client(host, grpc.credentials.createSsl(authority, null, null, { ...verify, checkServerIdentity }), {
    ...options,
    'grpc.ssl_target_name_override': PLACEHOLDER_SERVER_NAME,
  })
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
