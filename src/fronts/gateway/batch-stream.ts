import { ExecuteBatchResponse } from '../../../gen/flightgate/v1/gateway_service.ts'
import type { Frame } from '../../arrow/ipc/frame.ts'
import { untilAborted } from '../../async/until-aborted.ts'
import type { GrpcCall } from '../../grpc/server/call.ts'
import type { Result } from '../../query/types.ts'
import type { BatchSink, BatchSummary, StatementOutcome } from '../../statements/batch/batch-outcome.ts'
import type { FrameSink } from '../grpc/frame-sink.ts'
import { sendResult } from '../grpc/send-result.ts'
import type { GatewayLimits } from './front.ts'
import { resultMessage, summaryMessage } from './messages/outcome.ts'
import { batchParts } from './messages/part-frames.ts'
import { messageFrame, partSink } from './part-sink.ts'

/** Sends the results of a batch on one call. The parts of different statements alternate, and each waits for its turn. */
export class BatchStream implements BatchSink {
  readonly #call: GrpcCall
  readonly #limits: GatewayLimits
  /** Settles when the message before the next one has been passed on. */
  #last: Promise<void> = Promise.resolve()

  constructor(call: GrpcCall, limits: GatewayLimits) {
    this.#call = call
    this.#limits = limits
  }

  async result(ids: readonly string[], result: Result, signal: AbortSignal): Promise<void> {
    const sinks = ids.map((id) =>
      partSink(this.#call.headers, batchParts(id), this.#limits, (message) =>
        untilAborted(this.#inTurn(message, signal), signal),
      ),
    )
    await sendResult(result, sinks.length === 1 ? sinks[0]! : toEach(sinks), {
      keepAliveMs: this.#limits.streamKeepAliveMs,
      onFailure: () => {},
    })
  }

  async ended(outcome: StatementOutcome): Promise<void> {
    const part = { $case: 'result', value: resultMessage(outcome) } as const
    await this.#inTurn(messageFrame(ExecuteBatchResponse.encode({ id: outcome.id, part }).finish()))
  }

  /** Sends the last message of the batch. */
  async finish(summary: BatchSummary): Promise<void> {
    const part = { $case: 'summary', value: summaryMessage(summary) } as const
    await this.#inTurn(messageFrame(ExecuteBatchResponse.encode({ id: '', part }).finish()))
  }

  /** Sends a message after those before it; if the signal is aborted by then, releases it instead. */
  #inTurn(message: Frame, signal?: AbortSignal): Promise<void> {
    const sent = this.#last.then(async () => {
      if (signal?.aborted) message.release?.()
      else await this.#call.send(message)
    })
    this.#last = sent.catch(() => {})
    return sent
  }
}

/** A sink that passes each frame to several others. The frame is released once all have released it. */
function toEach(sinks: readonly FrameSink[]): FrameSink {
  return {
    async send(frame) {
      let holders = sinks.length
      const release = () => {
        holders--
        if (holders === 0) frame.release?.()
      }
      for (const [i, sink] of sinks.entries()) {
        try {
          await sink.send({ ...frame, release })
        } catch (error) {
          for (let rest = i + 1; rest < sinks.length; rest++) release()
          throw error
        }
      }
    },
  }
}
