import type { UpstreamAddress } from '../../grpc/client/address.ts'
import type { UpstreamTls } from '../../grpc/client/channel.ts'
import type { ForwardingConfig } from './metadata-forwarding.ts'
import type { SpillLimits } from './results/spill-buffer.ts'

/** Settings of a `flightsql` or `dremio` source; `docs/configuration.md` explains each. */
export interface FlightSqlConfig {
  readonly kind: 'flightsql' | 'dremio'
  readonly uri: UpstreamAddress
  /** Further servers that hold the same data. */
  readonly addresses: readonly UpstreamAddress[]
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Personal access token or bearer token, instead of user and password. */
  readonly token?: string | undefined
  readonly tls: UpstreamTls
  /** Sent with every call, lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly session?: DremioSession | undefined
  readonly forward: ForwardingConfig
  /** Whether commands that are none of Flight SQL's go to the server as they came; never for Dremio, which runs them. */
  readonly plainCommands?: boolean
  /** Whether parts of results are fetched from the addresses that the server names for them. */
  readonly followLocations: boolean
  readonly pool: PoolConfig
  readonly slowReader: SpillLimits
  readonly writes: boolean
  readonly connectTimeoutMs: number
  /** Limit of every call but those that deliver rows. */
  readonly requestTimeoutMs: number
  readonly maxMessageBytes: number
}

/** Properties of a Dremio session. */
export interface DremioSession {
  readonly schema?: string | undefined
  readonly routingQueue?: string | undefined
  readonly routingTag?: string | undefined
  readonly routingEngine?: string | undefined
  readonly quoting?: string | undefined
  readonly projectId?: string | undefined
}

/** The connections to one address. */
export interface PoolConfig {
  readonly min: number
  readonly max: number
  readonly healthCheckIntervalMs: number
  readonly idleTimeoutMs: number
  readonly maxAgeMs: number
  readonly acquireTimeoutMs: number
}
