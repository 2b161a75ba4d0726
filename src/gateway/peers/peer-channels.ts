import { Channel, type UpstreamTls } from '../../grpc/client/channel.ts'
import { GrpcFailure } from '../../grpc/client/failure.ts'
import { GatewayError } from '../../query/errors.ts'
import type { PeerAddress } from './replica-directory.ts'

const CONNECT_TIMEOUT_MS = 2000
/** Limit of a message: that of the clients which have none of their own. */
const MAX_MESSAGE_BYTES = 2 ** 31 - 1
const WINDOW_BYTES = 1 << 20
/** Most connections to one process; each carries as many calls as that process allows. */
const MAX_CHANNELS = 8
const SWEEP_MS = 30_000

/** Finds where a process is reached; undefined if it is gone or cannot be reached. */
type FindAddress = (id: string) => Promise<PeerAddress | undefined>

/** Connections to other processes of the gateway, which are opened for the first call and closed when none has run for long. */
export class PeerChannels {
  readonly #find: FindAddress
  readonly #tls: UpstreamTls
  readonly #channels = new Map<string, Channel[]>()
  readonly #opening = new Map<string, Promise<Channel | undefined>>()
  readonly #timer: NodeJS.Timeout
  #isClosed = false

  constructor(find: FindAddress, tls: UpstreamTls) {
    this.#find = find
    this.#tls = tls
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS)
    this.#timer.unref()
  }

  /**
   * Returns a connection to a process with room for a call; undefined if the process is gone, or cannot be reached by its address.
   * @throws GatewayError REPLICA_UNAVAILABLE if it does not answer, QUEUE_FULL if all connections to it are full
   */
  async to(id: string): Promise<Channel | undefined> {
    const open = this.#usable(id)
    const free = open.find(({ hasRoom }) => hasRoom)
    if (free) return free
    if (open.length >= MAX_CHANNELS)
      throw new GatewayError('QUEUE_FULL', 'Too many calls wait for the replica that has the transaction.')
    const opening = this.#opening.get(id) ?? this.#open(id).finally(() => this.#opening.delete(id))
    this.#opening.set(id, opening)
    return await opening
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
    for (const channels of this.#channels.values()) for (const channel of channels) channel.close()
    this.#channels.clear()
  }

  async #open(id: string): Promise<Channel | undefined> {
    const address = await this.#find(id)
    if (!address || this.#isClosed) return undefined
    try {
      const channel = await Channel.connect(
        address,
        {
          tls: this.#tls,
          connectTimeoutMs: CONNECT_TIMEOUT_MS,
          maxMessageBytes: MAX_MESSAGE_BYTES,
          windowBytes: WINDOW_BYTES,
          hasUserAgent: false,
        },
        AbortSignal.timeout(CONNECT_TIMEOUT_MS + 1000),
      )
      if (this.#isClosed) channel.close()
      else this.#channels.set(id, [...this.#usable(id), channel])
      return channel
    } catch (cause) {
      if (cause instanceof GrpcFailure) throw new GatewayError('REPLICA_UNAVAILABLE', undefined, { cause })
      throw cause
    }
  }

  #usable(id: string): Channel[] {
    const all = this.#channels.get(id) ?? []
    const usable = all.filter((channel) => channel.usable)
    if (usable.length < all.length) this.#channels.set(id, usable)
    return usable
  }

  /** Closes connections that nothing uses, and forgets those that have ended. */
  #sweep(): void {
    for (const [id, channels] of this.#channels) {
      const used = channels.filter(({ calls, usable }) => usable && calls > 0)
      for (const channel of channels) if (!used.includes(channel) && channel.calls === 0) channel.close()
      if (used.length > 0) this.#channels.set(id, used)
      else this.#channels.delete(id)
    }
  }
}
