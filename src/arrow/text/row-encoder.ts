import { LoopTurn } from '../../async/loop-turn.ts'
import { withoutCompression } from '../compression/decompress.ts'
import { ArrowError } from '../errors.ts'
import { readAligned } from '../ipc/aligned-message.ts'
import { readFrame } from '../ipc/flight-data.ts'
import type { Frame } from '../ipc/frame.ts'
import { metadataVersionOf, readBatchLayout, readDictionaryLayout, readHeader } from '../ipc/header.ts'
import { decodeSchema, type Field } from '../schema.ts'
import { BatchReader, malformed } from './batch-reader.ts'
import { bindColumn } from './cells.ts'
import { Dictionaries } from './dictionaries.ts'
import { LongRow } from './long-row.ts'
import { type EncodedRows, RowForm, type RowFormat, type TextFormat } from './row-form.ts'
import { sink } from './text-sink.ts'
import { typeText } from './type-text.ts'
import { uniqueNames } from './unique-names.ts'

export type { EncodedRows } from './row-form.ts'

/** How rows become text. */
export interface RowEncoderOptions {
  /** Maximum number of rows of a piece. */
  readonly chunkRows: number
  /** Rows of `json` and `ndjson` as objects (the default) or arrays of values. */
  readonly rowFormat?: RowFormat | undefined
  /** 64-bit integers and decimals: JSON numbers where a double holds them exactly, else strings (`exact`, the default); or always strings. */
  readonly numbers?: 'exact' | 'text' | undefined
  /** Limit of the text of one row, in bytes. */
  readonly maxRowBytes?: number | undefined
}

/** Encodes the batches of one result, in order. */
export interface RowEncoder {
  readonly contentType: string
  /** The text before the first row. */
  begin(): Uint8Array
  /**
   * The rows of a frame in pieces. A dictionary has none. The frame is released when the iteration ends, also when it is left early.
   * @throws ArrowError MALFORMED; UNSUPPORTED for a type without a text form; ROW_TOO_LARGE
   */
  batch(frame: Frame): AsyncIterable<EncodedRows>
  /** The text after the last row. */
  end(): Uint8Array
}

/** A column as rows of text name it. */
export interface TextColumn {
  /** A second column of the same name becomes `name_1`. */
  readonly name: string
  /** As Arrow's libraries write it, such as `timestamp[us, tz=UTC]`. */
  readonly type: string
  readonly nullable: boolean
}

/** A piece ends with the row that reaches this size. */
const PIECE_BYTES = 256 << 10
const DEFAULT_MAX_ROW_BYTES = 64 << 20
/** Unions have no validity bitmap from this version on. Source: Schema.fbs, `MetadataVersion`. */
const VERSION_5 = 4

/** The columns of a schema message. Does not release the frame. @throws ArrowError */
export function columnsOf(schema: Frame): TextColumn[] {
  return columnsOfSchema(readFrame(schema).header)
}

/** The columns of a schema. @param message bare flatbuffer `Message` @throws ArrowError */
export function columnsOfSchema(message: Uint8Array): TextColumn[] {
  const { children } = decodeSchema(message)
  const names = uniqueNames(children.map(({ name }) => name))
  return children.map((field, i) => ({ name: names[i]!, type: typeText(field), nullable: field.nullable }))
}

/**
 * Creates the encoder of a result. It writes UTF-8 straight from the buffers of the batches.
 * @param schema first frame of the result; not released
 * @throws ArrowError when the frame holds no valid schema
 */
export function createRowEncoder(format: TextFormat, schema: Frame, options: RowEncoderOptions): RowEncoder {
  const { children } = decodeSchema(readFrame(schema).header)
  const form = new RowForm(format, uniqueNames(children.map(({ name }) => name)), options.rowFormat ?? 'objects')
  const state: EncoderState = {
    columns: children,
    form,
    dictionaries: new Dictionaries(),
    style: { format: format === 'csv' ? 'csv' : 'json', numbers: options.numbers ?? 'exact' },
    chunkRows: options.chunkRows,
    maxRowBytes: options.maxRowBytes ?? DEFAULT_MAX_ROW_BYTES,
    hasRows: false,
  }
  return {
    contentType: form.contentType,
    begin: () => form.begin,
    batch: (frame) => ({ [Symbol.asyncIterator]: () => releasing(frame, encode(state, frame)) }),
    end: () => form.end,
  }
}

interface EncoderState {
  readonly columns: readonly Field[]
  readonly form: RowForm
  readonly dictionaries: Dictionaries
  readonly style: { readonly format: 'json' | 'csv'; readonly numbers: 'exact' | 'text' }
  readonly chunkRows: number
  readonly maxRowBytes: number
  /** Whether a row was written. */
  hasRows: boolean
}

async function* encode(state: EncoderState, frame: Frame): AsyncGenerator<EncodedRows, void, undefined> {
  const aligned = await readAligned(frame)
  // A message may carry application metadata alone.
  if (aligned.header.byteLength === 0) return
  const { kind } = readHeader(aligned.header)
  if (kind === 'schema') return
  const { header, body } = await withoutCompression(aligned)
  if (kind === 'dictionary') {
    const { id, isDelta, layout } = readDictionaryLayout(header)
    // The frame's memory is reused once it is released.
    const kept = body === aligned.body && !aligned.isCopy ? new Uint8Array(body) : body
    state.dictionaries.add(id, { layout, body: kept }, isDelta)
    return
  }
  if (metadataVersionOf(header) < VERSION_5 && state.columns.some(hasUnion))
    throw new ArrowError('UNSUPPORTED', 'Record batches with unions from before Arrow 1.0 have no text form.')
  const layout = readBatchLayout(header)
  const batch = new BatchReader(layout, body)
  const { form, dictionaries, style } = state
  const cells = state.columns.map((field) => {
    const { cell, rows } = bindColumn(field, { batch, dictionaries, style, column: field.name, bind: bindColumn })
    if (rows < layout.rows)
      throw malformed(`The column "${field.name}" has fewer values than the record batch has rows.`)
    return cell
  })
  const turn = new LoopTurn(1)
  for (let row = 0; row < layout.rows; ) {
    const pause = turn.next()
    if (pause) await pause
    const from = row
    const last = Math.min(layout.rows, row + state.chunkRows)
    sink.begin(form.rowBytes, state.maxRowBytes)
    let at = 0
    while (row < last && at < PIECE_BYTES && sink.longValues.length === 0) {
      sink.beginRow(at)
      at = form.writeRow(cells, row++, at, !state.hasRows)
      state.hasRows = true
    }
    const text = sink.take(at)
    if (sink.longValues.length === 0) yield { bytes: text, rows: row - from }
    else {
      const { rowAt } = sink
      const values = sink.longValues.map((value) => ({ ...value, at: value.at - rowAt }))
      if (row - from > 1) yield { bytes: text.subarray(0, rowAt), rows: row - from - 1 }
      yield* new LongRow(form, state.maxRowBytes).pieces(text.subarray(rowAt), values)
    }
  }
}

function hasUnion({ format, children, dictionary }: Field): boolean {
  return format.startsWith('+u') || children.some(hasUnion) || (dictionary !== undefined && hasUnion(dictionary))
}

/** Releases the frame once, when the iteration ends in any way, also before it has begun. */
function releasing(frame: Frame, rows: AsyncGenerator<EncodedRows, void, undefined>): AsyncIterator<EncodedRows> {
  let isReleased = false
  const release = () => {
    if (!isReleased) frame.release?.()
    isReleased = true
  }
  return {
    async next() {
      try {
        const step = await rows.next()
        if (step.done) release()
        return step
      } catch (error) {
        release()
        throw error
      }
    },
    async return() {
      await rows.return()
      release()
      return { done: true, value: undefined }
    },
  }
}
