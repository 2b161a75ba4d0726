import { columnsOf, createRowEncoder, type RowEncoderOptions } from '../../../arrow/text/row-encoder.ts'
import { untilAborted } from '../../../async/until-aborted.ts'
import type { Result } from '../../../query/types.ts'
import type { BatchSink, StatementOutcome } from '../../../statements/batch/batch-outcome.ts'
import { answerErrorOf } from '../answer/answer-error.ts'
import { rowLists } from '../rows/row-lists.ts'
import { outcomeJson } from './batch-json.ts'
import type { BatchLines } from './batch-lines.ts'

const rowsEnd = Buffer.from(']}')

/** Passes the results of a batch on as they arrive, as lines that each name their statement. */
export class StreamedBatch implements BatchSink {
  readonly #lines: BatchLines
  readonly #encoder: RowEncoderOptions
  readonly #requestId: string

  constructor(lines: BatchLines, encoder: RowEncoderOptions, requestId: string) {
    this.#lines = lines
    this.#encoder = encoder
    this.#requestId = requestId
  }

  async result(ids: readonly string[], result: Result, signal: AbortSignal): Promise<void> {
    try {
      await this.#send(ids, result, signal)
    } catch (error) {
      throw answerErrorOf(error)
    }
  }

  async #send(ids: readonly string[], result: Result, signal: AbortSignal): Promise<void> {
    // A statement that must end does not wait for its client, since it holds a slot. What it has written is still sent.
    const write: BatchLines['write'] = async (event, json) => {
      signal.throwIfAborted()
      await untilAborted(this.#lines.write(event, json), signal)
    }
    const encoder = createRowEncoder('json', result.schema, this.#encoder)
    const columns = JSON.stringify(columnsOf(result.schema))
    for (const id of ids) await write('schema', [line(id, `"columns":${columns}}`)])
    for await (const { chunks } of rowLists(result, encoder))
      for (const id of ids) await write('rows', [line(id, '"rows":['), ...chunks, rowsEnd])
  }

  async ended(outcome: StatementOutcome): Promise<void> {
    await this.#lines.write('statement', [Buffer.from(JSON.stringify(outcomeJson(outcome, this.#requestId)))])
  }
}

/** The begin of a line about a statement. */
function line(id: string, rest: string): Uint8Array {
  return Buffer.from(`{"id":${JSON.stringify(id)},${rest}`)
}
