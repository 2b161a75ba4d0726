import { type BatchLayout, encodeRecordBatch } from './batch.ts'
import { ArrowError } from './errors.ts'
import { readBatchLayout } from './header.ts'
import { type LayoutPlan, layoutPlan } from './layout-plan.ts'
import type { Field } from './schema.ts'

/** One message of a split batch. */
export interface Piece {
  readonly header: Uint8Array
  readonly body: Uint8Array
  readonly rows: number
}

/** Of a view: length, then the bytes themselves, or their beginning, buffer and offset. Source: Columnar.html, "Variable-size Binary View Layout". */
const VIEW_BYTES = 16
const INLINE_VIEW_BYTES = 12

/** Room for the header, the protobuf fields and the padding of a message. */
const overheadBytes = ({ nodes, buffers }: BatchLayout) => 512 + 8 * (nodes.length + buffers.length)

/**
 * Cuts a record batch by rows into messages of at most `maxBytes` each, in order.
 * @throws ArrowError ROW_TOO_LARGE when one row is above the limit, UNSUPPORTED or MALFORMED
 */
export function* splitBatch(schema: Field, header: Uint8Array, body: Uint8Array, maxBytes: number): Generator<Piece> {
  const layout = readBatchLayout(header)
  if (body.byteLength < layout.bodyLength)
    throw new ArrowError('MALFORMED', 'The body of the record batch is cut short.')
  const plans = schema.children.map(layoutPlan)
  const budget = maxBytes - overheadBytes(layout)
  yield* cut(plans, layout, Buffer.from(body.buffer, body.byteOffset, body.byteLength), 0, layout.rows, budget)
}

function* cut(
  plans: readonly LayoutPlan[],
  layout: BatchLayout,
  body: Buffer,
  from: number,
  to: number,
  maxBytes: number,
): Generator<Piece> {
  const slice = new BatchSlice(layout, body, from, to)
  for (const plan of plans) slice.column(plan, from, to)
  if (slice.byteLength <= maxBytes) {
    yield slice.encode()
    return
  }
  if (to - from <= 1)
    throw new ArrowError(
      'ROW_TOO_LARGE',
      `One row takes ${slice.byteLength} bytes, more than the ${maxBytes} that fit a message.`,
    )
  const middle = from + Math.ceil((to - from) / 2)
  yield* cut(plans, layout, body, from, middle, maxBytes)
  yield* cut(plans, layout, body, middle, to, maxBytes)
}

/** Collects what rows `from` to `to` need; nothing is copied before `encode`. */
class BatchSlice {
  readonly #source: BatchLayout
  readonly #body: Buffer
  readonly #rows: number
  readonly #writes: ((target: Buffer) => void)[] = []
  readonly #nodes: number[] = []
  readonly #buffers: number[] = []
  readonly #variadicCounts: number[] = []
  #node = 0
  #view = 0
  #buffer = 0
  #at = 0

  constructor(source: BatchLayout, body: Buffer, from: number, to: number) {
    this.#source = source
    this.#body = body
    this.#rows = to - from
  }

  /** Bytes of the body. */
  get byteLength(): number {
    return this.#at
  }

  encode(): Piece {
    const body = Buffer.alloc(this.#at)
    for (const write of this.#writes) write(body)
    const layout = {
      rows: this.#rows,
      nodes: this.#nodes,
      buffers: this.#buffers,
      bodyLength: this.#at,
      variadicCounts: this.#variadicCounts,
    }
    return { header: encodeRecordBatch(layout), body, rows: this.#rows }
  }

  /** Takes rows `from` to `to` of the next column of the source. */
  column(plan: LayoutPlan, from: number, to: number): void {
    const rows = to - from
    const node = this.#node++
    const nulls = this.#source.nodes[2 * node + 1]
    if (nulls === undefined) throw new ArrowError('MALFORMED', 'The record batch has fewer columns than its schema.')
    const nullSlot = this.#nodes.push(rows, plan.kind === 'null' ? rows : 0) - 1
    if (plan.kind === 'null') return
    if (plan.kind !== 'sparseUnion' && plan.kind !== 'denseUnion') this.#validity(from, rows, nulls, nullSlot)
    switch (plan.kind) {
      case 'fixed':
      case 'sparseUnion':
        this.#bytes(this.#take(), from * plan.width, rows * plan.width)
        break
      case 'view':
        this.#views(from, rows)
        break
      case 'boolBytes':
      case 'narrowDecimal':
        throw new ArrowError('UNSUPPORTED', 'A layout of DuckDB is never in a message.')
      case 'bool':
        this.#bits(this.#take(), from, rows)
        break
      case 'text': {
        const range = this.#offsets(plan.width, from, rows)
        this.#bytes(this.#take(), range.from, range.to - range.from)
        break
      }
      case 'list': {
        const range = this.#offsets(plan.width, from, rows)
        this.column(plan.children[0]!, range.from, range.to)
        return
      }
      case 'fixedList':
        this.column(plan.children[0]!, from * plan.width, to * plan.width)
        return
      case 'denseUnion':
        this.#denseUnion(plan, from, rows)
        return
      case 'struct':
        break
    }
    if (plan.kind === 'struct' || plan.kind === 'sparseUnion')
      for (const child of plan.children) this.column(child, from, to)
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
    this.#writes.push((target) => source.copy(target, at, from, from + length))
  }

  #validity(from: number, rows: number, nulls: number, nullSlot: number): void {
    const source = this.#take()
    if (nulls === 0 || source.length === 0) {
      this.#place(0)
      return
    }
    this.#bits(source, from, rows)
    let zeros = 0
    for (let i = from; i < from + rows; i++) zeros += 1 - ((source[i >> 3]! >> (i & 7)) & 1)
    this.#nodes[nullSlot] = zeros
  }

  #bits(source: Buffer, from: number, count: number): void {
    // Not by shifting: the number of rows is the sender's, and may be above 32 bits.
    if (Math.ceil((from + count) / 8) > source.length)
      throw new ArrowError('MALFORMED', 'A bitmap of the record batch is too short.')
    const at = this.#place((count + 7) >> 3)
    this.#writes.push((target) => {
      for (let i = 0; i < count; i++) {
        const bit = (source[(from + i) >> 3]! >> ((from + i) & 7)) & 1
        target[at + (i >> 3)] = target[at + (i >> 3)]! | (bit << (i & 7))
      }
    })
  }

  /** Offsets that begin at 0 again; answers with the range of values they cover. */
  #offsets(width: number, from: number, rows: number): { from: number; to: number } {
    const source = this.#take()
    if (source.length === 0 && rows === 0) {
      this.#place(width)
      return { from: 0, to: 0 }
    }
    if ((from + rows + 1) * width > source.length)
      throw new ArrowError('MALFORMED', 'Offsets of the record batch are too short.')
    const read = (i: number) => (width === 8 ? Number(source.readBigInt64LE(8 * i)) : source.readInt32LE(4 * i))
    const base = read(from)
    const end = read(from + rows)
    if (base < 0 || end < base) throw new ArrowError('MALFORMED', 'Offsets of the record batch are not in order.')
    const at = this.#place((rows + 1) * width)
    this.#writes.push((target) => {
      for (let i = 0; i <= rows; i++) {
        const value = read(from + i) - base
        if (width === 8) target.writeBigInt64LE(BigInt(value), at + 8 * i)
        else target.writeInt32LE(value, at + 4 * i)
      }
    })
    return { from: base, to: end }
  }

  /** Views, and what the long ones lead to gathered in one buffer. */
  #views(from: number, rows: number): void {
    const views = this.#take()
    const data: Buffer[] = []
    for (let left = this.#source.variadicCounts?.[this.#view++] ?? 0; left > 0; left--) data.push(this.#take())
    if (VIEW_BYTES * (from + rows) > views.length)
      throw new ArrowError('MALFORMED', 'A buffer of views of the record batch is too short.')
    const longs: { readonly row: number; readonly bytes: Buffer }[] = []
    for (let row = 0; row < rows; row++) {
      const view = VIEW_BYTES * (from + row)
      const length = views.readInt32LE(view)
      if (length <= INLINE_VIEW_BYTES) continue
      const [source, start] = [data[views.readInt32LE(view + 8)], views.readInt32LE(view + 12)]
      if (!source || start < 0 || start + length > source.length)
        throw new ArrowError('MALFORMED', 'A view of the record batch leads astray.')
      longs.push({ row, bytes: source.subarray(start, start + length) })
    }
    const viewsAt = this.#place(VIEW_BYTES * rows)
    this.#writes.push((target) => views.copy(target, viewsAt, VIEW_BYTES * from, VIEW_BYTES * (from + rows)))
    this.#variadicCounts.push(longs.length > 0 ? 1 : 0)
    if (longs.length === 0) return
    const dataAt = this.#place(longs.reduce((sum, { bytes }) => sum + bytes.length, 0))
    this.#writes.push((target) => {
      let offset = 0
      for (const { row, bytes } of longs) {
        const view = viewsAt + VIEW_BYTES * row
        target.writeInt32LE(0, view + 8)
        target.writeInt32LE(offset, view + 12)
        bytes.copy(target, dataAt + offset)
        offset += bytes.length
      }
    })
  }

  /** The rows of a dense union point into its children, whose values stay in order: each child gives a range. */
  #denseUnion(plan: LayoutPlan, from: number, rows: number): void {
    const types = this.#take()
    const offsets = this.#take()
    if (from + rows > types.length || 4 * (from + rows) > offsets.length)
      throw new ArrowError('MALFORMED', 'A union of the record batch is too short.')
    const low = new Map<number, number>()
    const high = new Map<number, number>()
    for (let i = from; i < from + rows; i++) {
      const offset = offsets.readInt32LE(4 * i)
      const type = types[i]!
      low.set(type, Math.min(low.get(type) ?? offset, offset))
      high.set(type, Math.max(high.get(type) ?? offset, offset))
    }
    this.#bytes(types, from, rows)
    const at = this.#place(4 * rows)
    this.#writes.push((target) => {
      for (let i = 0; i < rows; i++)
        target.writeInt32LE(offsets.readInt32LE(4 * (from + i)) - low.get(types[from + i]!)!, at + 4 * i)
    })
    for (const [i, child] of plan.children.entries()) {
      const type = plan.typeIds?.[i] ?? i
      const start = low.get(type)
      this.column(child, start ?? 0, start === undefined ? 0 : high.get(type)! + 1)
    }
  }

  #place(length: number): number {
    const at = this.#at
    this.#buffers.push(at, length)
    this.#at = (at + length + 7) & ~7
    return at
  }
}
