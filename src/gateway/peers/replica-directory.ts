import { GatewayError } from '../../query/errors.ts'
import { type Sealer, SealKind } from '../../query/seal/sealer.ts'
import type { Logger } from '../../query/types.ts'
import type { Store } from '../../state/store.ts'
import { unlessDown } from '../../state/unless-down.ts'

/** Where other processes reach a process. */
export interface PeerAddress {
  readonly host: string
  readonly port: number
  readonly tls: boolean
}

/** Time between two reports of a process that it lives, in milliseconds. */
const HEARTBEAT_MS = 5000
/** A process counts as gone when it has not reported for this time, in milliseconds. */
const GONE_MS = 15_000
/** How far clocks of processes may differ, in milliseconds. */
const MAX_SKEW_MS = 5 * 60_000
/** Largest number of processes that share state. */
const MAX_REPLICAS = 1000
const SET = 'replicas'
const keyOf = (id: string) => `replica:${id}`

/**
 * The processes that share state, in the shared state: who lives, and where others reach it. Addresses are sealed, since calls go
 * there with the credentials of their callers: who can only write to the state cannot name itself a process of the gateway.
 */
export class ReplicaDirectory {
  /** Id of this process: 12 hexadecimal digits. */
  readonly self: string
  readonly #store: Store
  readonly #sealer: Sealer
  readonly #log: Logger
  #address: PeerAddress | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(self: string, store: Store, sealer: Sealer, log: Logger) {
    this.self = self
    this.#store = store
    this.#sealer = sealer
    this.#log = log
  }

  /** Reports this process, now and from time to time. @param address where others reach it; undefined if they cannot */
  async join(address: PeerAddress | undefined): Promise<void> {
    this.#address = address
    this.#timer = setInterval(() => void this.#report(), HEARTBEAT_MS)
    this.#timer.unref()
    await this.#report()
  }

  /** The other processes that live. @throws GatewayError STATE_UNAVAILABLE */
  async others(): Promise<readonly string[]> {
    return (await this.#store.members(SET, MAX_REPLICAS)).filter((id) => id !== this.self)
  }

  /**
   * Where a process is reached; undefined if it is gone, cannot be reached, or has not sealed the address with the keys of this one.
   * @throws GatewayError STATE_UNAVAILABLE
   */
  async addressOf(id: string): Promise<PeerAddress | undefined> {
    const value = await this.#store.get(keyOf(id))
    return value && this.#opened(id, value)
  }

  /** Takes this process out. */
  async leave(): Promise<void> {
    clearInterval(this.#timer)
    const gone = [this.#store.removeMember(SET, this.self), this.#store.delete(keyOf(this.self))]
    await Promise.all(gone.map((call) => unlessDown(call, undefined)))
  }

  #sealed(address: PeerAddress): Buffer {
    const until = Date.now() + GONE_MS + MAX_SKEW_MS
    return this.#sealer.seal(SealKind.replica, this.self, until, Buffer.from(JSON.stringify(address)))
  }

  #opened(id: string, value: Uint8Array): PeerAddress | undefined {
    try {
      const { principal, expiresAt, payload } = this.#sealer.open(SealKind.replica, value)
      return principal === id && Date.now() < expiresAt ? (JSON.parse(payload.toString()) as PeerAddress) : undefined
    } catch (err) {
      if (!(err instanceof GatewayError)) throw err
      this.#log.warn(
        { event: 'replica', replica: id, err },
        'the address of a replica is not sealed with the same keys',
      )
      return undefined
    }
  }

  async #report(): Promise<void> {
    try {
      await this.#store.addMember(SET, this.self, GONE_MS, MAX_REPLICAS)
      if (this.#address) await this.#store.set(keyOf(this.self), this.#sealed(this.#address), GONE_MS)
    } catch (err) {
      this.#log.debug({ err }, 'the state store does not know that this process lives')
    }
  }
}
