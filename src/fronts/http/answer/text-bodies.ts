import type { Frame } from '../../../arrow/ipc/frame.ts'
import {
  columnsOf,
  createRowEncoder,
  type RowEncoder,
  type RowEncoderOptions,
} from '../../../arrow/text/row-encoder.ts'
import type { GatewayError } from '../../../query/errors.ts'
import type { StartedStatement } from '../../../statements/requests/statement-requests.ts'
import { problemOf } from '../call/problem.ts'
import { metricsJson } from '../schemas/metrics.ts'
import type { ResultBody, ResultPiece } from './result-body.ts'

const text = new TextEncoder()
const bytesOf = (json: object): Uint8Array => text.encode(JSON.stringify(json))

/** A result as text. @param schema first frame of the result */
abstract class TextBody implements ResultBody {
  readonly contentType: string
  protected readonly encoder: RowEncoder
  protected readonly requestId: string
  /** What ends the line of a row of which a part has been written. */
  protected cut: readonly Uint8Array[] = []

  constructor(format: 'json' | 'ndjson' | 'csv', schema: Frame, options: RowEncoderOptions, requestId: string) {
    this.encoder = createRowEncoder(format, schema, options)
    this.contentType = this.encoder.contentType
    this.requestId = requestId
  }

  begin(): readonly Uint8Array[] {
    return [this.encoder.begin()]
  }

  async *batch(frame: Frame): AsyncGenerator<ResultPiece> {
    for await (const { bytes, rows, cut } of this.encoder.batch(frame)) {
      yield { chunks: [bytes], rows }
      this.cut = cut ? [cut] : []
    }
  }

  end(_statement: StartedStatement, _rows: number): readonly Uint8Array[] {
    return [this.encoder.end()]
  }

  abstract failure(error: GatewayError): readonly Uint8Array[]
}

/** `{"columns": [...], "rows": [...], "row_count": ..., "metrics": {...}}`. After an error the object stays unclosed. */
export class JsonObjectBody extends TextBody {
  readonly #columns: Uint8Array

  constructor(schema: Frame, options: RowEncoderOptions, requestId: string) {
    super('json', schema, options, requestId)
    this.#columns = text.encode(`{"columns":${JSON.stringify(columnsOf(schema))},"rows":`)
  }

  override begin(): readonly Uint8Array[] {
    return [this.#columns, this.encoder.begin()]
  }

  override end({ plan, result, metrics }: StartedStatement, rows: number): readonly Uint8Array[] {
    const { affectedRows } = result.stats
    const summary = {
      row_count: rows,
      ...(plan.kind === 'update' && affectedRows >= 0 && { affected_rows: affectedRows }),
      metrics: metricsJson(metrics()),
    }
    return [this.encoder.end(), text.encode(`,${JSON.stringify(summary).slice(1)}`)]
  }

  failure(error: GatewayError): readonly Uint8Array[] {
    return [text.encode(`],"error":${JSON.stringify(problemOf(error, this.requestId))}`)]
  }
}

/** An array of rows. After an error the array stays unclosed. */
export class JsonArrayBody extends TextBody {
  constructor(schema: Frame, options: RowEncoderOptions, requestId: string) {
    super('json', schema, options, requestId)
  }

  failure(): readonly Uint8Array[] {
    return []
  }
}

/** One row a line. After an error, which may cut a long row, the last line is `{"error": {...}}`. */
export class NdjsonBody extends TextBody {
  constructor(schema: Frame, options: RowEncoderOptions, requestId: string) {
    super('ndjson', schema, options, requestId)
  }

  failure(error: GatewayError): readonly Uint8Array[] {
    return [...this.cut, bytesOf({ error: problemOf(error, this.requestId) }), text.encode('\n')]
  }
}

/** RFC 4180 with a header row. After an error, which may cut a long row, the last record is `#error`, its code and its words. */
export class CsvBody extends TextBody {
  constructor(schema: Frame, options: RowEncoderOptions, requestId: string) {
    super('csv', schema, options, requestId)
  }

  failure({ code, message }: GatewayError): readonly Uint8Array[] {
    return [...this.cut, text.encode(`#error,${code},"${message.replaceAll('"', '""')}"\r\n`)]
  }
}
