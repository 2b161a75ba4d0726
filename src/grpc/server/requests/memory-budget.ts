import { GatewayError } from '../../../query/errors.ts'

/** Shares of a pool's memory that one connection and one address may hold. */
const CONNECTION_SHARE = 1 / 4
const ADDRESS_SHARE = 1 / 2
/** Size of the additional pool for calls without credentials, as a share of the pool for calls with credentials. */
export const STRANGERS_SHARE = 1 / 8

/** Memory held by one connection, one address or all. */
class Account {
  readonly maxBytes: number
  heldBytes = 0
  /** Calls with an incomplete request, oldest first. */
  readonly unfinished = new Set<CallMemory>()

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }
}

/**
 * Budget for the memory that calls hold above the framing layer: metadata, unprocessed requests, decompressed messages, and
 * responses blocked by a flow-control window. Calls without credentials have a separate pool, so that they cannot use up the
 * memory of the others. Result frames have their own limits.
 */
export class MemoryBudget {
  readonly authenticated: MemoryPool
  readonly anonymous: MemoryPool

  /**
   * @param maxBytes limit for all calls with credentials
   * @param maxMessageBytes limit of a request message; one connection can hold at least one
   */
  constructor(maxBytes: number, maxMessageBytes: number) {
    this.authenticated = new MemoryPool(maxBytes, Math.min(maxBytes, 2 * maxMessageBytes))
    this.anonymous = new MemoryPool(Math.floor(maxBytes * STRANGERS_SHARE), 0)
  }

  get heldBytes(): number {
    return this.authenticated.heldBytes + this.anonymous.heldBytes
  }
}

/** A pool that connections share, with a limit per connection and a larger one per address. */
export class MemoryPool {
  readonly #all: Account
  readonly #connectionBytes: number
  readonly #addressBytes: number
  readonly #addresses = new Map<string, { readonly account: Account; connections: number }>()

  /** @param minConnectionBytes lower bound on a connection's share */
  constructor(maxBytes: number, minConnectionBytes: number) {
    this.#all = new Account(maxBytes)
    this.#connectionBytes = Math.max(maxBytes * CONNECTION_SHARE, minConnectionBytes)
    this.#addressBytes = Math.max(maxBytes * ADDRESS_SHARE, minConnectionBytes)
  }

  get heldBytes(): number {
    return this.#all.heldBytes
  }

  /** Opens the share of a new connection. @param onRefused called each time one of its calls is refused memory */
  connect(address: string, onRefused: () => void): MemoryShare {
    const shared = this.#addresses.get(address) ?? { account: new Account(this.#addressBytes), connections: 0 }
    this.#addresses.set(address, shared)
    shared.connections++
    const accounts = [new Account(this.#connectionBytes), shared.account, this.#all]
    return new MemoryShare(accounts, onRefused, () => {
      shared.connections--
      if (shared.connections === 0) this.#addresses.delete(address)
    })
  }
}

/** One connection's share of a pool. */
export class MemoryShare {
  readonly #accounts: readonly Account[]
  readonly #onRefused: () => void
  readonly #onClose: () => void

  /** @param accounts accounts of the connection, of its address and of the pool */
  constructor(accounts: readonly Account[], onRefused: () => void, onClose: () => void) {
    this.#accounts = accounts
    this.#onRefused = onRefused
    this.#onClose = onClose
  }

  /** Opens the account of a call. */
  openCall(): CallMemory {
    return new CallMemory(this.#accounts, this.#onRefused)
  }

  /** To be called once, when the connection has ended. */
  close(): void {
    this.#onClose()
  }
}

/** Memory of one call. If an account is full, its oldest incomplete request fails, before a newer call is refused. */
export class CallMemory {
  readonly #accounts: readonly Account[]
  readonly #onRefused: () => void
  #heldBytes = 0
  #isClosed = false
  #giveUp: ((error: GatewayError) => void) | undefined

  constructor(accounts: readonly Account[], onRefused: () => void) {
    this.#accounts = accounts
    this.#onRefused = onRefused
  }

  /** Reserves memory. @throws GatewayError QUEUE_FULL; CANCELLED after the call has ended */
  take(bytes: number): void {
    if (this.#isClosed) throw new GatewayError('CANCELLED')
    for (const account of this.#accounts) if (account.heldBytes + bytes > account.maxBytes) this.#evict(account, bytes)
    for (const account of this.#accounts) account.heldBytes += bytes
    this.#heldBytes += bytes
  }

  /** Releases memory. */
  give(bytes: number): void {
    const given = Math.min(bytes, this.#heldBytes)
    for (const account of this.#accounts) account.heldBytes -= given
    this.#heldBytes -= given
  }

  /** Marks the request as incomplete. @param giveUp fails the request and releases its memory; called at most once */
  begin(giveUp: (error: GatewayError) => void): void {
    if (this.#isClosed) return
    this.#giveUp = giveUp
    for (const account of this.#accounts) account.unfinished.add(this)
  }

  /** Marks the request as complete. */
  finish(): void {
    if (!this.#giveUp) return
    this.#giveUp = undefined
    for (const account of this.#accounts) account.unfinished.delete(this)
  }

  /** Releases all memory, after the call has ended. */
  close(): void {
    this.#isClosed = true
    this.finish()
    this.give(this.#heldBytes)
  }

  #evict(account: Account, bytes: number): void {
    while (account.heldBytes + bytes > account.maxBytes) {
      const [oldest] = account.unfinished
      if (!oldest || oldest === this || bytes > account.maxBytes) {
        this.#onRefused()
        throw full()
      }
      const giveUp = oldest.#giveUp
      oldest.finish()
      giveUp?.(full())
    }
  }
}

function full(): GatewayError {
  return new GatewayError(
    'QUEUE_FULL',
    'The pending requests hold too much memory: try again later (limits.maxRequestMemoryBytes).',
  )
}
