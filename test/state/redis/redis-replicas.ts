import { openState, type State } from '../../../src/state/open.ts'
import { RedisConnection } from '../../../src/state/redis/redis-connection.ts'
import type { RedisSettings } from '../../../src/state/redis/redis-settings.ts'
import type { Replicas } from '../state-contract.ts'

export const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** Bounds of the state; one owner has half of the bytes of blobs. */
const BOUNDS = { maxStoreBytes: 1 << 20, maxBlobBytes: 64 << 20 }

let prefixes = 0

/** A prefix that no other test uses on the same server. */
export const newPrefix = () => `test${++prefixes}:`

/** A replica's state with its connection, and what it has counted. */
export interface RedisReplica {
  readonly connection: RedisConnection
  readonly state: State
  readonly counted: { corrupt: number; ok: number; error: number; timeout: number }
}

/** Time limits that only a test of them reaches. */
export const patient = { connectTimeoutMs: 30_000, commandTimeoutMs: 30_000 }

/** Opens the state of a replica. Its `close` closes the connection too. */
export async function openReplica(
  settings: Partial<RedisSettings>,
  { maxBlobBytes = BOUNDS.maxBlobBytes } = {},
): Promise<RedisReplica> {
  const counted = { corrupt: 0, ok: 0, error: 0, timeout: 0 }
  const connection = await RedisConnection.open({ keyPrefix: 'test:', ...patient, ...settings }, silent, {
    onCommand: (outcome) => {
      counted[outcome]++
    },
    onCorrupt: () => {
      counted.corrupt++
    },
  })
  const state = await openState({ redis: connection, bounds: { ...BOUNDS, maxBlobBytes } }, silent)
  const close = async () => {
    await state.close()
    await connection.close()
  }
  return { connection, state: { ...state, close }, counted }
}

/** The state as two replicas open it. */
export async function openReplicas(settings: Partial<RedisSettings>): Promise<Replicas> {
  const own = { keyPrefix: newPrefix(), ...settings }
  const [one, other] = await Promise.all([openReplica(own), openReplica(own)])
  return { one: one.state, other: other.state }
}
