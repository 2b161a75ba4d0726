import type { Result } from '../../query/types.ts'
import type { FrameSink } from './frame-sink.ts'
import { KeepAlive } from './keep-alive.ts'

/** How a front sends a result. */
export interface SendOptions {
  /** An empty batch goes out whenever the result has been silent for this time, in milliseconds. */
  readonly keepAliveMs: number
  /** Called before the first frame, to send metadata. */
  readonly onStart?: () => void
  /**
   * Called with an error before the result is closed. It must abort the signal of the result's context: closing a result waits
   * for pending work.
   */
  readonly onFailure: (error: unknown) => void
}

/**
 * Reads a result and sends it: the schema first, even without rows, then batches as the client reads (backpressure).
 * @throws GatewayError as the result and the sink
 */
export async function sendResult(
  result: Result,
  sink: FrameSink,
  { keepAliveMs, onStart, onFailure }: SendOptions,
): Promise<void> {
  const frames = result.frames[Symbol.asyncIterator]()
  let keepAlive: KeepAlive | undefined
  try {
    onStart?.()
    await sink.send(result.schema)
    keepAlive = new KeepAlive(sink, result.schema, keepAliveMs)
    for (;;) {
      const next = await keepAlive.until(frames.next())
      if (next.done) break
      for (const [i, frame] of next.value.entries()) {
        try {
          await sink.send(frame)
        } catch (error) {
          for (const rest of next.value.slice(i + 1)) rest.release?.()
          throw error
        }
      }
    }
  } catch (error) {
    onFailure(error)
    throw error
  } finally {
    keepAlive?.stop()
    await frames.return?.()
  }
}
