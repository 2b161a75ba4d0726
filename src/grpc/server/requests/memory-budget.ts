import { GatewayError } from '../../../query/errors.ts'

/** Of a pool's memory, what one connection and what one address may hold. */
const CONNECTION_SHARE = 1 / 4
const ADDRESS_SHARE = 1 / 2
/** Size of the pool for calls without credentials, beside the one for the others and as a share of it. */
export const STRANGERS_SHARE = 1 / 8

/** What one connection, one address or all together hold. */
class Account {
  readonly maxBytes: number
  heldBytes = 0
  /** Calls whose request is incomplete, the oldest first. */
  readonly unfinished = new Set<Holding>()

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }
}

/**
 * Memory that calls hold above the framing layer: metadata, requests that nobody has worked off, what they decompress to, and
 * answers that wait for a closed window. Calls without credentials have a pool of their own, so that they take nothing from
 * the others. Result frames have limits of their own.
 */
export class MemoryBudget {
  readonly known: MemoryPool
  readonly strangers: MemoryPool

  /**
   * @param maxBytes for all calls with credentials
   * @param maxMessageBytes size of the largest request message, which one connection must be able to hold
   */
  constructor(maxBytes: number, maxMessageBytes: number) {
    this.known = new MemoryPool(maxBytes, Math.min(maxBytes, 2 * maxMessageBytes))
    this.strangers = new MemoryPool(Math.floor(maxBytes * STRANGERS_SHARE), 0)
  }

  get heldBytes(): number {
    return this.known.heldBytes + this.strangers.heldBytes
  }
}

/** Memory that is shared by connections: each may hold a part, those of one address together a larger part. */
export class MemoryPool {
  readonly #all: Account
  readonly #connectionBytes: number
  readonly #addressBytes: number
  readonly #addresses = new Map<string, { readonly account: Account; connections: number }>()

  /** @param minConnectionBytes share of a connection where a quarter of the pool is less */
  constructor(maxBytes: number, minConnectionBytes: number) {
    this.#all = new Account(maxBytes)
    this.#connectionBytes = Math.max(maxBytes * CONNECTION_SHARE, minConnectionBytes)
    this.#addressBytes = Math.max(maxBytes * ADDRESS_SHARE, minConnectionBytes)
  }

  get heldBytes(): number {
    return this.#all.heldBytes
  }

  /** The share of a new connection. @param onRefused called each time that one of its calls is refused memory */
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

/** What one connection may hold of a pool. */
export class MemoryShare {
  readonly #accounts: readonly Account[]
  readonly #onRefused: () => void
  readonly #onClose: () => void

  /** @param accounts of the connection, of its address and of all */
  constructor(accounts: readonly Account[], onRefused: () => void, onClose: () => void) {
    this.#accounts = accounts
    this.#onRefused = onRefused
    this.#onClose = onClose
  }

  /** Begins the account of one call. */
  hold(): Holding {
    return new Holding(this.#accounts, this.#onRefused)
  }

  /** The connection is over; to be called once. */
  close(): void {
    this.#onClose()
  }
}

/** Memory of one call. Nothing is refused while the same connection, address or pool has an older incomplete request to end. */
export class Holding {
  readonly #accounts: readonly Account[]
  readonly #onRefused: () => void
  #heldBytes = 0
  #isClosed = false
  #giveUp: ((error: GatewayError) => void) | undefined

  constructor(accounts: readonly Account[], onRefused: () => void) {
    this.#accounts = accounts
    this.#onRefused = onRefused
  }

  /** Takes memory before, or as soon as, it is used. @throws GatewayError QUEUE_FULL; CANCELLED once the call is over */
  take(bytes: number): void {
    if (this.#isClosed) throw new GatewayError('CANCELLED')
    for (const account of this.#accounts)
      if (account.heldBytes + bytes > account.maxBytes) this.#makeRoom(account, bytes)
    for (const account of this.#accounts) account.heldBytes += bytes
    this.#heldBytes += bytes
  }

  /** Gives memory back. */
  give(bytes: number): void {
    const given = Math.min(bytes, this.#heldBytes)
    for (const account of this.#accounts) account.heldBytes -= given
    this.#heldBytes -= given
  }

  /** The request is incomplete from now on. @param giveUp must give its memory back; called once at most */
  begin(giveUp: (error: GatewayError) => void): void {
    if (this.#isClosed) return
    this.#giveUp = giveUp
    for (const account of this.#accounts) account.unfinished.add(this)
  }

  /** The request is incomplete no more. */
  finish(): void {
    if (!this.#giveUp) return
    this.#giveUp = undefined
    for (const account of this.#accounts) account.unfinished.delete(this)
  }

  /** The call is over: gives all back. */
  close(): void {
    this.#isClosed = true
    this.finish()
    this.give(this.#heldBytes)
  }

  #makeRoom(account: Account, bytes: number): void {
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
    'The requests that are on their way to the gateway hold too much memory together: try again later (limits.maxRequestMemoryBytes).',
  )
}
