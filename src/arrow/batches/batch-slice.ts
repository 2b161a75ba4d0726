import type { LoopTurn } from '../../async/loop-turn.ts'
import { ArrowError } from '../errors.ts'
import { type BatchLayout, encodeRecordBatch } from './batch.ts'
import { copyBits, countZeros, isSet } from './bitmaps.ts'
import type { LayoutPlan } from './layout-plan.ts'
import { readInteger, subtract, writeInteger } from './packed-integers.ts'

/** One message of a split batch. */
export interface Piece {
  readonly header: Uint8Array
  readonly body: Uint8Array
  readonly rows: number
}

/**
 * A view holds the length, then the bytes themselves or their prefix, buffer index and offset.
 * Source: Columnar.html, "Variable-size Binary View Layout".
 */
const VIEW_BYTES = 16
const INLINE_VIEW_BYTES = 12
/** Type ids of unions are 0 to 127. */
const MAX_TYPE_IDS = 128
/** Work between two yields to the event loop: bytes of a bitmap, rows of views. */
const BITMAP_BLOCK_BYTES = 1 << 20
const VIEW_BLOCK_ROWS = 1 << 14

type Write = (target: Buffer, turn: LoopTurn) => void | Promise<void>

/** Plans the copy of some rows of a record batch. It copies nothing before `encode`. */
export class BatchSlice {
  readonly #source: BatchLayout
  readonly #body: Buffer
  readonly #rows: number
  readonly #writes: Write[] = []
  readonly #nodes: number[] = []
  readonly #buffers: number[] = []
  readonly #variadicCounts: number[] = []
  #node = 0
  #view = 0
  #buffer = 0
  #at = 0

  constructor(source: BatchLayout, body: Buffer, rows: number) {
    this.#source = source
    this.#body = body
    this.#rows = rows
  }

  /** Bytes of the slice's body. */
  get byteLength(): number {
    return this.#at
  }

  /** Copies the planned rows. @param turn yields to the event loop between columns and within large ones */
  async encode(turn: LoopTurn): Promise<Piece> {
    const body = Buffer.alloc(this.#at)
    for (const write of this.#writes) {
      const pause = turn.next()
      if (pause) await pause
      await write(body, turn)
    }
    const layout = {
      rows: this.#rows,
      nodes: this.#nodes,
      buffers: this.#buffers,
      bodyLength: this.#at,
      variadicCounts: this.#variadicCounts,
    }
    return { header: encodeRecordBatch(layout), body, rows: this.#rows }
  }

  /**
   * Plans rows `from` (inclusive) to `to` (exclusive) of the source's next column.
   * @throws ArrowError MALFORMED, UNSUPPORTED
   */
  column(plan: LayoutPlan, from: number, to: number): void {
    const rows = to - from
    const node = this.#node++
    const nulls = this.#source.nodes[2 * node + 1]
    if (nulls === undefined) throw new ArrowError('MALFORMED', 'The record batch has fewer columns than its schema.')
    const nullSlot = this.#nodes.push(rows, plan.kind === 'null' ? rows : 0) - 1
    switch (plan.kind) {
      case 'null':
        return
      case 'fixed':
        this.#validity(from, rows, nulls, nullSlot)
        this.#bytes(this.#take(), from * plan.width, rows * plan.width)
        return
      case 'bool':
        this.#validity(from, rows, nulls, nullSlot)
        this.#bits(this.#take(), from, rows)
        return
      case 'view':
        this.#views(this.#validity(from, rows, nulls, nullSlot), from, rows)
        return
      case 'text': {
        this.#validity(from, rows, nulls, nullSlot)
        const range = this.#offsets(plan.width, from, rows)
        this.#bytes(this.#take(), range.from, range.to - range.from)
        return
      }
      case 'list': {
        this.#validity(from, rows, nulls, nullSlot)
        const range = this.#offsets(plan.width, from, rows)
        this.column(plan.children[0]!, range.from, range.to)
        return
      }
      case 'listView': {
        this.#validity(from, rows, nulls, nullSlot)
        const range = this.#listViews(plan.width, from, rows)
        this.column(plan.children[0]!, range.from, range.to)
        return
      }
      case 'fixedList':
        this.#validity(from, rows, nulls, nullSlot)
        this.column(plan.children[0]!, from * plan.width, to * plan.width)
        return
      case 'struct':
        this.#validity(from, rows, nulls, nullSlot)
        for (const child of plan.children) this.column(child, from, to)
        return
      case 'sparseUnion':
        this.#bytes(this.#take(), from, rows)
        for (const child of plan.children) this.column(child, from, to)
        return
      case 'denseUnion':
        this.#denseUnion(plan, from, rows)
        return
      case 'runEnds':
        this.#runEnds(plan, from, to)
        return
      case 'boolBytes':
      case 'narrowDecimal':
      case 'huge':
      case 'unsignedHuge':
      case 'rendered':
      case 'decoded':
      case 'members':
        throw new ArrowError('UNSUPPORTED', 'DuckDB layouts do not occur in messages.')
    }
  }

  #take(): Buffer {
    const offset = this.#source.buffers[2 * this.#buffer]
    const length = this.#source.buffers[2 * this.#buffer++ + 1]
    if (offset === undefined || length === undefined)
      throw new ArrowError('MALFORMED', 'The record batch has fewer buffers than its schema.')
    return this.#body.subarray(offset, offset + length)
  }

  #bytes(source: Buffer, from: number, length: number): void {
    if (from + length > source.length) throw new ArrowError('MALFORMED', 'A buffer of the record batch is too short.')
    const at = this.#place(length)
    this.#writes.push((target) => void source.copy(target, at, from, from + length))
  }

  /** @returns the source's validity bitmap; undefined if no row is null */
  #validity(from: number, rows: number, nulls: number, nullSlot: number): Buffer | undefined {
    const source = this.#take()
    if (nulls === 0 || source.length === 0) {
      this.#place(0)
      return undefined
    }
    const at = this.#bits(source, from, rows)
    this.#writes.push((target) => {
      this.#nodes[nullSlot] = countZeros(target, at, rows)
    })
    return source
  }

  /** @returns offset of the copy in the body */
  #bits(source: Buffer, from: number, count: number): number {
    if (Math.ceil((from + count) / 8) > source.length)
      throw new ArrowError('MALFORMED', 'A bitmap of the record batch is too short.')
    const at = this.#place(Math.ceil(count / 8))
    this.#writes.push(async (target, turn) => {
      const block = 8 * BITMAP_BLOCK_BYTES
      for (let done = 0; done < count; done += block) {
        const pause = turn.next()
        if (pause) await pause
        copyBits(source, from + done, Math.min(block, count - done), target, at + done / 8)
      }
    })
    return at
  }

  /** Plans the offsets, rebased to 0. @returns range of values that they cover */
  #offsets(width: number, from: number, rows: number): { from: number; to: number } {
    const source = this.#take()
    if (source.length === 0 && rows === 0) {
      this.#place(width)
      return { from: 0, to: 0 }
    }
    if ((from + rows + 1) * width > source.length)
      throw new ArrowError('MALFORMED', 'Offsets of the record batch are too short.')
    const base = readInteger(source, width, from)
    const end = readInteger(source, width, from + rows)
    if (base < 0 || end < base)
      throw new ArrowError('MALFORMED', 'Offsets of the record batch are negative or not ascending.')
    const at = this.#place((rows + 1) * width)
    this.#writes.push((target) => {
      source.copy(target, at, from * width, (from + rows + 1) * width)
      subtract(target, at, width, rows + 1, base)
    })
    return { from: base, to: end }
  }

  /** Plans offsets and sizes, which may be in any order. @returns range of values that they cover */
  #listViews(width: number, from: number, rows: number): { from: number; to: number } {
    const offsets = this.#take()
    const sizes = this.#take()
    if ((from + rows) * width > Math.min(offsets.length, sizes.length))
      throw new ArrowError('MALFORMED', 'List views of the record batch are too short.')
    let low = Number.POSITIVE_INFINITY
    let high = 0
    for (let row = from; row < from + rows; row++) {
      const size = readInteger(sizes, width, row)
      if (size === 0) continue
      const offset = readInteger(offsets, width, row)
      if (size < 0 || offset < 0)
        throw new ArrowError('MALFORMED', 'A list view of the record batch has a negative offset or size.')
      low = Math.min(low, offset)
      high = Math.max(high, offset + size)
    }
    const base = Math.min(low, high)
    const at = this.#place(rows * width)
    const sizesAt = this.#place(rows * width)
    this.#writes.push((target) => {
      offsets.copy(target, at, from * width, (from + rows) * width)
      sizes.copy(target, sizesAt, from * width, (from + rows) * width)
      subtract(target, at, width, rows, base)
      // The offset of an empty list has no meaning, but must be within the values.
      for (let row = 0; row < rows; row++)
        if (readInteger(sizes, width, from + row) === 0) target.fill(0, at + row * width, at + (row + 1) * width)
    })
    return { from: base, to: high }
  }

  /** Plans the views, and one data buffer with the bytes of the long ones. */
  #views(validity: Buffer | undefined, from: number, rows: number): void {
    const views = this.#take()
    const data: Buffer[] = []
    for (let left = this.#source.variadicCounts?.[this.#view++] ?? 0; left > 0; left--) data.push(this.#take())
    if (VIEW_BYTES * (from + rows) > views.length)
      throw new ArrowError('MALFORMED', 'A buffer of views of the record batch is too short.')
    const isNull = (row: number) => validity !== undefined && !isSet(validity, row)
    let longBytes = 0
    for (let row = from; row < from + rows; row++) {
      const view = VIEW_BYTES * row
      const length = views.readInt32LE(view)
      if ((length >= 0 && length <= INLINE_VIEW_BYTES) || isNull(row)) continue
      const source = data[views.readInt32LE(view + 8)]
      const start = views.readInt32LE(view + 12)
      if (length < 0 || !source || start < 0 || start + length > source.length)
        throw new ArrowError('MALFORMED', 'A view of the record batch is out of bounds.')
      longBytes += length
    }
    const viewsAt = this.#place(VIEW_BYTES * rows)
    this.#variadicCounts.push(longBytes > 0 ? 1 : 0)
    const dataAt = longBytes > 0 ? this.#place(longBytes) : 0
    this.#writes.push(async (target, turn) => {
      views.copy(target, viewsAt, VIEW_BYTES * from, VIEW_BYTES * (from + rows))
      let offset = 0
      for (let row = 0; row < rows; row++) {
        const pause = row % VIEW_BLOCK_ROWS === 0 ? turn.next() : undefined
        if (pause) await pause
        const view = viewsAt + VIEW_BYTES * row
        const length = target.readInt32LE(view)
        if (length >= 0 && length <= INLINE_VIEW_BYTES) continue
        if (isNull(from + row)) {
          target.fill(0, view, view + VIEW_BYTES)
          continue
        }
        const start = target.readInt32LE(view + 12)
        data[target.readInt32LE(view + 8)]!.copy(target, dataAt + offset, start, start + length)
        target.writeInt32LE(0, view + 8)
        target.writeInt32LE(offset, view + 12)
        offset += length
      }
    })
  }

  /** Plans a dense union. Its rows refer to values of its children, which are in order, so each child contributes one range. */
  #denseUnion(plan: LayoutPlan, from: number, rows: number): void {
    const types = this.#take()
    const offsets = this.#take()
    if (from + rows > types.length || 4 * (from + rows) > offsets.length)
      throw new ArrowError('MALFORMED', 'A union of the record batch is too short.')
    const low = new Float64Array(MAX_TYPE_IDS).fill(Number.POSITIVE_INFINITY)
    const high = new Float64Array(MAX_TYPE_IDS)
    for (let row = from; row < from + rows; row++) {
      const type = types[row]!
      const offset = offsets.readInt32LE(4 * row)
      if (type >= MAX_TYPE_IDS || offset < 0)
        throw new ArrowError('MALFORMED', 'A type id or offset of a union in the record batch is out of bounds.')
      if (offset < low[type]!) low[type] = offset
      if (offset >= high[type]!) high[type] = offset + 1
    }
    this.#bytes(types, from, rows)
    const at = this.#place(4 * rows)
    this.#writes.push((target) => {
      for (let row = 0; row < rows; row++)
        target.writeInt32LE(offsets.readInt32LE(4 * (from + row)) - low[types[from + row]!]!, at + 4 * row)
    })
    for (const [i, child] of plan.children.entries()) {
      const type = plan.typeIds?.[i] ?? i
      this.column(child, Math.min(low[type] ?? 0, high[type] ?? 0), high[type] ?? 0)
    }
  }

  /** Plans the runs that contain the rows; the first and the last run are trimmed. */
  #runEnds({ children: [ends, values] }: LayoutPlan, from: number, to: number): void {
    const { width } = ends!
    const runs = this.#source.nodes[2 * this.#node++] ?? 0
    this.#take()
    const source = this.#take()
    if (runs * width > source.length) throw new ArrowError('MALFORMED', 'Run ends of the record batch are too short.')
    /** Index of the first run that ends after the row. */
    const runOf = (row: number) => {
      let [low, high] = [0, runs]
      while (low < high) {
        const middle = Math.floor((low + high) / 2)
        if (readInteger(source, width, middle) > row) high = middle
        else low = middle + 1
      }
      return low
    }
    const first = to > from ? runOf(from) : 0
    const end = to > from ? runOf(to - 1) + 1 : 0
    if (end > runs) throw new ArrowError('MALFORMED', 'The run ends of the record batch do not cover its rows.')
    const count = end - first
    this.#nodes.push(count, 0)
    this.#place(0)
    const at = this.#place(count * width)
    this.#writes.push((target) => {
      source.copy(target, at, first * width, end * width)
      subtract(target, at, width, count, from)
      if (count > 0) writeInteger(target, at, width, count - 1, to - from)
    })
    this.column(values!, first, end)
  }

  #place(length: number): number {
    const at = this.#at
    this.#buffers.push(at, length)
    this.#at = Math.ceil((at + length) / 8) * 8
    return at
  }
}
