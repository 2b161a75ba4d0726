import type { UpstreamCall } from '../../../grpc/client/call.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import type { InboundMessage } from '../../../grpc/client/message-reader.ts'
import { TokenBucket } from '../../../http2/index.ts'
import { Attempts } from './retry.ts'
import { decodeRows, type RowsMessage } from './rows-message.ts'
import type { SchemaCheck } from './schema-check.ts'
import { isRefusedLogin, type StorageBounds, type StorageClient } from './storage-client.ts'

/** Rate limit of messages without rows, which are no progress. */
const EMPTY_MESSAGES = { burst: 10_000, perSecond: 1000 }
/** Expected size of the first message, in bytes. */
const FIRST_MESSAGE_BYTES = 1 << 20

/**
 * Reads one stream from a row to its end. A call that breaks is made again from the first row that was not returned: messages are
 * returned whole, so that no row is lost or doubled. Attempts without progress are bounded.
 */
export class StreamReader {
  readonly #client: StorageClient
  readonly #name: string
  readonly #bounds: StorageBounds
  readonly #onResume: () => void
  readonly #schema: SchemaCheck
  readonly #attempts = new Attempts()
  #call: UpstreamCall | undefined
  #offset: number
  #isRefused = false
  #empty: TokenBucket | undefined
  /** Size of the last message, in bytes: what the next one probably has. */
  expectedBytes = FIRST_MESSAGE_BYTES
  /** Fraction of the stream that was read, from 0 to 1. */
  progress = 0

  /**
   * @param offset rows of the stream to skip
   * @param schema check by the schema of the result
   * @param onResume called when a broken call is made again
   */
  constructor(
    client: StorageClient,
    name: string,
    offset: number,
    schema: SchemaCheck,
    bounds: StorageBounds,
    onResume: () => void,
  ) {
    this.#client = client
    this.#name = name
    this.#offset = offset
    this.#schema = schema
    this.#bounds = bounds
    this.#onResume = onResume
  }

  /** Reads the next message with rows; undefined at the end. @throws GrpcFailure, or the signal's reason */
  async next(): Promise<RowsMessage | undefined> {
    for (;;) {
      try {
        this.#call ??= await this.#client.readRows(this.#name, this.#offset, this.#isRefused, this.#bounds)
        const { done, value } = await this.#unstalled(this.#call)
        if (done) {
          this.progress = 1
          return undefined
        }
        const message = this.#decoded(value)
        if (message.rows > 0) return message
      } catch (error) {
        await this.#recover(error)
      }
    }
  }

  /** Ends the call at the server. */
  async return(): Promise<void> {
    await this.#call?.return()
  }

  #decoded(value: InboundMessage): RowsMessage {
    const message = decodeRows(value, this.#schema)
    this.progress = message.progress ?? this.progress
    if (message.rows === 0) {
      this.#empty ??= new TokenBucket(EMPTY_MESSAGES.burst, EMPTY_MESSAGES.perSecond)
      if (!this.#empty.take())
        throw new GrpcFailure('DATA_LOSS', 'the server sends too many messages without rows', 'local')
      return message
    }
    this.#isRefused = false
    this.#attempts.reset()
    this.#offset += message.rows
    this.expectedBytes = message.byteLength
    return message
  }

  /** Prepares another attempt. @throws the error if there is none */
  async #recover(error: unknown): Promise<void> {
    const call = this.#call
    this.#call = undefined
    await call?.return()
    if (isRefusedLogin(error) && !this.#isRefused) this.#isRefused = true
    else await this.#attempts.next(error, this.#bounds.signal)
    this.#onResume()
  }

  /** Waits for the next message of a call, up to the stall limit. */
  async #unstalled(call: UpstreamCall): Promise<IteratorResult<InboundMessage>> {
    const { stallTimeoutMs } = this.#client.options
    let isStalled = false
    const timer = setTimeout(() => {
      isStalled = true
      void call.return()
    }, stallTimeoutMs)
    try {
      return await call.next()
    } catch (error) {
      if (!isStalled) throw error
      throw new GrpcFailure('UNAVAILABLE', `the stream sent nothing for ${stallTimeoutMs} ms`, 'local', {
        cause: error,
      })
    } finally {
      clearTimeout(timer)
    }
  }
}
