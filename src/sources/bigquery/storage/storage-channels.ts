import { untilAborted } from '../../../async/until-aborted.ts'
import { Channel, type ChannelOptions } from '../../../grpc/client/channel.ts'
import type { StorageOptions } from './storage-options.ts'

/** A message holds at most 128 MB of rows. Source: `ReadRows` in google/cloud/bigquery/storage/v1/storage.proto. */
const MAX_MESSAGE_BYTES = 136 << 20
/** Calls on a connection from which on the next call gets a new one; Google's servers allow 100. */
const CALLS_PER_CONNECTION = 32
/** Firewalls forget idle connections without a word, Google Cloud's after 10 minutes. */
const MAX_IDLE_MS = 4 * 60_000
const SWEEP_INTERVAL_MS = 30_000
const MAX_WINDOW_BYTES = 8 << 20
const MIN_WINDOW_BYTES = 64 << 10

interface Entry {
  readonly channel: Channel
  usedAt: number
}

/** The connections of a source to the Storage Read API, shared by its calls. They are made when a call needs them. */
export class StorageChannels {
  readonly #options: StorageOptions
  readonly #channelOptions: ChannelOptions
  readonly #closing = new AbortController()
  readonly #sweeper: NodeJS.Timeout
  #open: Entry[] = []
  #connecting: Promise<Channel> | undefined

  constructor(options: StorageOptions) {
    this.#options = options
    this.#channelOptions = {
      tls: options.tls,
      connectTimeoutMs: options.connectTimeoutMs,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      windowBytes: windowBytesOf(options),
    }
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS)
    this.#sweeper.unref()
  }

  /** Number of open connections. */
  get size(): number {
    return this.#open.length
  }

  /** Returns the connection with the fewest calls, or a new one. @throws GrpcFailure, or the signal's reason */
  async take(signal: AbortSignal): Promise<Channel> {
    const free = this.#free()
    if (free) return free
    this.#connecting ??= this.#connect()
    const connected = await untilAborted(this.#connecting, signal)
    // Callers that waited for the same connection may fill others too.
    return this.#free() ?? connected
  }

  /** Closes all connections; running calls fail. */
  close(): void {
    clearInterval(this.#sweeper)
    this.#closing.abort(new Error('the source is closed'))
    for (const { channel } of this.#open.splice(0)) channel.close()
  }

  #free(): Channel | undefined {
    let best: Entry | undefined
    this.#open = this.#open.filter(({ channel }) => channel.usable)
    for (const entry of this.#open) {
      const { calls, hasRoom } = entry.channel
      if (hasRoom && calls < (best?.channel.calls ?? CALLS_PER_CONNECTION)) best = entry
    }
    if (best) best.usedAt = Date.now()
    return best?.channel
  }

  async #connect(): Promise<Channel> {
    try {
      const channel = await Channel.connect(this.#options.address, this.#channelOptions, this.#closing.signal)
      this.#open.push({ channel, usedAt: Date.now() })
      return channel
    } finally {
      this.#connecting = undefined
    }
  }

  #sweep(): void {
    const now = Date.now()
    for (const entry of this.#open) {
      if (entry.channel.calls > 0) entry.usedAt = now
      else if (now - entry.usedAt > MAX_IDLE_MS) entry.channel.close()
    }
    this.#open = this.#open.filter(({ channel }) => channel.usable)
  }
}

/** Half of what is read ahead waits in the windows, unread; the other half is the messages that were read. */
function windowBytesOf({ readAheadBytes, maxStreams }: StorageOptions): number {
  return Math.max(MIN_WINDOW_BYTES, Math.min(MAX_WINDOW_BYTES, Math.floor(readAheadBytes / 2 / maxStreams)))
}
