import { ArrowError } from '../errors.ts'

const DEFAULT_BYTES = 384 << 10
/** A larger array, which a large row needed, is not kept. */
const MAX_KEPT_BYTES = 1 << 20
/** Upper bound on the text of a value of a type with a fixed width, quotes included: a 256-bit decimal takes 81 bytes. */
export const CELL_BYTES = 96
/** A value that would end beyond this position is long: it is written in steps. */
export const LONG_BYTES = 512 << 10
/** A step of a long value ends when it has written this much. */
export const STEP_BYTES = 256 << 10

/** Writes the rest of a long value. Each step writes from position 0 of the sink on, and yields the position after it. */
export type LongSteps = Generator<number, void, undefined>

/** A value whose text is missing in the sink, because it would take too long to write it at once. */
export interface LongValue {
  /** The position where the text of `steps` belongs. */
  readonly at: number
  readonly steps: LongSteps
  /** Whether it is within a CSV field in quotes: its own quotes are doubled. */
  readonly isInCsvField: boolean
}

/**
 * A growing array of bytes into which cells write text. Cells get and return positions in it, so that no cell costs an object.
 *
 * Cells with a bounded length (`CELL_BYTES`) write without a check. That is safe because of one rule: at the start of a row, and
 * after each cell that called `room`, there are at least `rowBytes` left, which all bounded cells and keys of a row need together.
 */
export class TextSink {
  bytes: Uint8Array = new Uint8Array(DEFAULT_BYTES)
  view: DataView = new DataView(this.bytes.buffer)
  #rowBytes = 0
  #rowAt = 0
  #maxRowBytes = 0
  /** Bytes that the long values of the row take at least. */
  #longBytes = 0
  /** The long values of the row, in the order of their positions. No row begins while there are any. */
  longValues: LongValue[] = []
  /** Last position with `rowBytes` left. */
  #lastAt = 0

  /** Begins a piece at position 0. @param rowBytes bound for the keys and bounded cells of a row @param maxRowBytes limit of a row's text */
  begin(rowBytes: number, maxRowBytes: number): void {
    this.#rowBytes = rowBytes
    this.#maxRowBytes = maxRowBytes
    if (this.bytes.length > MAX_KEPT_BYTES) this.#replace(new Uint8Array(DEFAULT_BYTES))
    this.#lastAt = this.bytes.length - rowBytes
    if (this.longValues.length > 0) this.longValues = []
    this.#longBytes = 0
    this.beginRow(0)
  }

  /** Begins a piece within a row. @param writtenBytes bytes of the row before it */
  beginWithin(rowBytes: number, maxRowBytes: number, writtenBytes: number): void {
    this.begin(rowBytes, maxRowBytes)
    this.#rowAt = -writtenBytes
  }

  /** Where the last row begins. */
  get rowAt(): number {
    return this.#rowAt
  }

  /** Begins a row. */
  beginRow(at: number): void {
    this.#rowAt = at
    if (at > this.#lastAt) this.#grow(at, 0)
  }

  /** Makes room for `length` more bytes, and for the bounded part of a row after them. @throws ArrowError ROW_TOO_LARGE */
  room(at: number, length: number): void {
    if (at + length > this.#lastAt) this.#grow(at, length)
  }

  /**
   * Leaves out the text of a long value at a position.
   * @param minBytes bytes that it takes at least
   * @returns the position
   * @throws ArrowError ROW_TOO_LARGE
   */
  defer(at: number, minBytes: number, steps: LongSteps): number {
    this.#longBytes += minBytes
    this.checkRow(at)
    this.longValues.push({ at, steps, isInCsvField: false })
    this.room(at, 0)
    return at
  }

  /** Returns a copy of the bytes before a position. */
  take(at: number): Uint8Array {
    const copy = Buffer.allocUnsafeSlow(at)
    copy.set(this.bytes.subarray(0, at))
    return copy
  }

  /** Checks the length of a row up to a position. @throws ArrowError ROW_TOO_LARGE */
  checkRow(to: number): void {
    if (to - this.#rowAt + this.#longBytes > this.#maxRowBytes)
      throw new ArrowError('ROW_TOO_LARGE', `One row takes more than ${this.#maxRowBytes} bytes as text.`)
  }

  #grow(at: number, length: number): void {
    this.checkRow(at + length)
    const wanted = at + length + this.#rowBytes
    if (wanted > this.bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.bytes.length, wanted))
      larger.set(this.bytes.subarray(0, at))
      this.#replace(larger)
    }
    this.#lastAt = this.bytes.length - this.#rowBytes
  }

  #replace(bytes: Uint8Array): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
  }
}

/**
 * The sink of all encoders. An encoder writes a piece without interruption and takes a copy of it, so that one array is enough for
 * any number of results, and a result whose client has stopped reading holds none.
 */
export const sink = new TextSink()

/** Writes the value of a row at a position of the sink. @returns the position after it */
export type Cell = (row: number, at: number) => number

/** How values are written. */
export interface CellStyle {
  /** `json`: texts, dates and the like have quotes. `csv`: fields of RFC 4180. */
  readonly format: 'json' | 'csv'
  /** `exact`: numbers if a reader with doubles reads them exactly, else strings. `text`: 64-bit integers and decimals are strings. */
  readonly numbers: 'exact' | 'text'
}

const QUOTE = 34

/** Writes ASCII text, with quotes if asked for. @returns the position after it */
export function writeAscii(text: string, at: number, quotes = false): number {
  sink.room(at, text.length + 2)
  const { bytes } = sink
  let to = at
  if (quotes) bytes[to++] = QUOTE
  for (let i = 0; i < text.length; i++) bytes[to++] = text.charCodeAt(i)
  if (quotes) bytes[to++] = QUOTE
  return to
}
