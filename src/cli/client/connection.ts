import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { checkServerIdentity as checkIdentity, type PeerCertificate } from 'node:tls'
import * as grpc from '@grpc/grpc-js'
import { type Address, parseAddress } from './address.ts'
import type { ConnectionOptions } from './connection-options.ts'
import { handshake } from './handshake.ts'

const MAX_MESSAGE_BYTES = 2 ** 31 - 1
const WINDOW_BYTES = 8 << 20
const PLACEHOLDER_SERVER_NAME = 'address.invalid'

/** The connection of a command to its server, with the credentials and the deadline of its calls. */
export class Connection {
  readonly address: Address
  readonly client: grpc.Client
  /** Unix milliseconds; `Infinity` if unlimited. */
  readonly deadline: number
  readonly #options: ConnectionOptions
  #metadata: grpc.Metadata

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.address = parseAddress(options.endpoint) ?? { host: options.endpoint, tls: false }
    this.client = this.open(this.address)
    this.#metadata = metadataOf(options)
    this.deadline = options.timeout === undefined ? Number.POSITIVE_INFINITY : Date.now() + options.timeout * 1000
  }

  /** Metadata of each call. */
  get metadata(): grpc.Metadata {
    return this.#metadata
  }

  /**
   * Makes a call. If the server rejects user and password in it, logs in by a handshake and makes it again.
   * @throws grpc.ServiceError
   */
  async withLogin<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      const { code } = error as grpc.ServiceError
      const { user, password, token } = this.#options
      const refused = code === grpc.status.UNAUTHENTICATED || code === grpc.status.UNIMPLEMENTED
      if (!refused || token || !(user || password)) throw error
      const login = { user: user ?? '', password: password ?? '' }
      const headers = await handshake(this.client, this.#metadata, login, this.deadline)
      if (!headers) throw error
      this.#metadata = headers
      return await call()
    }
  }

  /** A client of a server with the same TLS options. */
  open(address: Address): grpc.Client {
    return connect(this.#options, address)
  }

  close(): void {
    this.client.close()
  }
}

function connect({ tlsCa, insecureSkipVerify }: ConnectionOptions, { host, tls }: Address): grpc.Client {
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

function metadataOf({ header, apiKey, token, user, password, source }: ConnectionOptions): grpc.Metadata {
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
