import type { BatchLayout } from '../../../arrow/batches/batch.ts'
import type { LayoutPlan } from '../../../arrow/batches/layout-plan.ts'
import { ArrowError } from '../../../arrow/errors.ts'
import { type ColumnPart, readArrowArray, readChildren } from '../native/arrow-array-reader.ts'
import { BitCopier } from '../native/bits.ts'
import { type Address, addressOf, memcpy } from '../native/library.ts'
import { DECIMAL_BYTES, DecimalWidener } from './decimal-widener.ts'
import { refuseBeyondDecimal } from './huge-range.ts'
import { readOffset, slicePart } from './part-measure.ts'
import { type RenderedPart, renderPart } from './rendered-part.ts'

/** Gives a buffer of at least so many bytes. */
export type Allocate = (bytes: number) => Uint8Array<SharedArrayBuffer>

/** A record batch laid out in one body. */
export interface LaidOutBatch extends BatchLayout {
  /** Holds the body in its first `bodyLength` bytes. */
  readonly body: Uint8Array<SharedArrayBuffer>
}

const Operation = {
  copy: 0,
  bits: 1,
  ones: 2,
  offsets32: 3,
  offsets64: 4,
  zeros: 5,
  pack: 6,
  widen: 7,
  huge: 8,
} as const
const OPERATION_WORDS = 6 // operation, destination, source, count, extra, extra2
const bits = new BitCopier()
const widener = new DecimalWidener()

/**
 * Lays many small chunks of the same columns end to end as the body of one record batch. Everything is measured first;
 * then each byte is copied once.
 */
export class Layout {
  readonly #operations: number[] = []
  readonly #nodes: number[] = []
  readonly #buffers: number[] = []
  /** Memory of our own that is copied from. */
  #rendered: RenderedPart[] = []
  readonly #huge: ColumnPart[] = []
  #at = 0

  /** @param columns for each column its parts, in row order */
  static batch(
    plans: readonly LayoutPlan[],
    columns: readonly ColumnPart[][],
    rows: number,
    allocate: Allocate,
  ): LaidOutBatch {
    const layout = new Layout()
    for (const [i, plan] of plans.entries()) layout.#column(plan, columns[i]!)
    return layout.#run(rows, allocate)
  }

  /** The values of a dictionary as a batch of one column. */
  static dictionary(plan: LayoutPlan, array: Address, allocate: Allocate): LaidOutBatch {
    const layout = new Layout()
    const values = readArrowArray(array)
    layout.#column(plan, [values])
    return layout.#run(values.rows, allocate)
  }

  #column(plan: LayoutPlan, parts: readonly ColumnPart[]): void {
    let rows = 0
    for (const part of parts) rows += part.rows
    if (plan.kind === 'null') {
      this.#nodes.push(rows, rows)
      return
    }
    if (plan.kind === 'sparseUnion') this.#nodes.push(rows, 0)
    else this.#validity(parts, rows)
    switch (plan.kind) {
      case 'fixed':
        this.#values(parts, plan.width, (part) => part.buffer1)
        break
      case 'sparseUnion':
        this.#values(parts, 1, (part) => part.buffer0)
        break
      case 'bool':
        this.#bitmap(parts, (part) => part.buffer1)
        break
      case 'boolBytes':
        this.#packed(parts)
        break
      case 'narrowDecimal':
        this.#widened(parts, plan.width)
        break
      case 'huge':
      case 'unsignedHuge':
        this.#decimals(parts, plan.kind === 'huge')
        break
      case 'rendered': {
        const rendered = parts.map((part) => renderPart(plan, part))
        this.#rendered.push(...rendered)
        this.#texts(rendered, rows, 4)
        break
      }
      case 'text':
        this.#texts(parts, rows, plan.width)
        break
      case 'list': {
        const ranges = this.#offsets(parts, rows, plan.width)
        this.#children(plan, parts, (part, i) => ({ offset: ranges[i]!.from, rows: ranges[i]!.count, part }))
        break
      }
      case 'struct':
        break
      case 'denseUnion':
      case 'view':
      case 'listView':
      case 'runEnds':
        throw new ArrowError('UNSUPPORTED', 'DuckDB makes neither dense unions nor views nor runs.')
      case 'fixedList':
        this.#children(plan, parts, (part) => ({
          offset: part.offset * plan.width,
          rows: part.rows * plan.width,
          part,
        }))
        break
    }
    if (plan.kind === 'struct' || plan.kind === 'sparseUnion')
      this.#children(plan, parts, (part) => ({ offset: part.offset, rows: part.rows, part }))
  }

  #children(
    plan: LayoutPlan,
    parts: readonly ColumnPart[],
    range: (part: ColumnPart, i: number) => { offset: number; rows: number },
  ): void {
    const columns: ColumnPart[][] = plan.children.map(() => [])
    for (const [i, part] of parts.entries()) {
      const { offset, rows } = range(part, i)
      for (const [n, child] of readChildren(part).entries()) columns[n]!.push(slicePart(child, offset, rows))
    }
    for (const [i, child] of plan.children.entries()) this.#column(child, columns[i]!)
  }

  #validity(parts: readonly ColumnPart[], rows: number): void {
    const nulls = parts.map(nullsOf)
    let total = 0
    for (const each of nulls) total += each
    this.#nodes.push(rows, total)
    if (total === 0) this.#buffers.push(this.#at, 0)
    else this.#bitmap(parts, (part, i) => (nulls[i] === 0 ? 0 : part.buffer0))
  }

  #values(parts: readonly ColumnPart[], width: number, data: (part: ColumnPart) => Address): void {
    const start = this.#at
    for (const part of parts) this.#copy(data(part) + part.offset * width, part.rows * width)
    this.#close(start)
  }

  #decimals(parts: readonly ColumnPart[], signed: boolean): void {
    const start = this.#at
    for (const part of parts) {
      const from = part.buffer1 + part.offset * DECIMAL_BYTES
      this.#operations.push(Operation.huge, this.#at, from, part.rows, signed ? 1 : 0, this.#huge.push(part) - 1)
      this.#at += part.rows * DECIMAL_BYTES
    }
    this.#close(start)
  }

  #texts(parts: readonly ColumnPart[], rows: number, width: number): void {
    const ranges = this.#offsets(parts, rows, width)
    const start = this.#at
    for (const [i, part] of parts.entries()) this.#copy(part.buffer2 + ranges[i]!.from, ranges[i]!.count)
    this.#close(start)
  }

  #copy(from: Address, bytes: number): void {
    if (bytes === 0) return
    this.#operations.push(Operation.copy, this.#at, from, bytes, 0, 0)
    this.#at += bytes
  }

  #bitmap(parts: readonly ColumnPart[], source: (part: ColumnPart, i: number) => Address): void {
    const start = this.#at
    let bit = 0
    for (const [i, part] of parts.entries()) {
      const from = source(part, i)
      this.#operations.push(from === 0 ? Operation.ones : Operation.bits, start, from, part.rows, bit, part.offset)
      bit += part.rows
    }
    this.#at = start + ((bit + 7) >> 3)
    this.#close(start)
  }

  #packed(parts: readonly ColumnPart[]): void {
    const start = this.#at
    let bit = 0
    for (const part of parts) {
      this.#operations.push(Operation.pack, start, part.buffer1 + part.offset, part.rows, bit, 0)
      bit += part.rows
    }
    this.#at = start + ((bit + 7) >> 3)
    this.#close(start)
  }

  #widened(parts: readonly ColumnPart[], width: number): void {
    const start = this.#at
    for (const part of parts) {
      this.#operations.push(Operation.widen, this.#at, part.buffer1 + part.offset * width, part.rows, width, 0)
      this.#at += part.rows * DECIMAL_BYTES
    }
    this.#close(start)
  }

  /** Queues the offsets; answers with the range of values that each part covers. */
  #offsets(parts: readonly ColumnPart[], rows: number, width: number): { from: number; count: number }[] {
    const start = this.#at
    const operation = width === 8 ? Operation.offsets64 : Operation.offsets32
    let base = 0
    const ranges = parts.map((part) => {
      if (part.rows === 0) return { from: 0, count: 0 }
      const at = part.buffer1 + part.offset * width
      const from = part.offset === 0 ? 0 : readOffset(at, width)
      const count = readOffset(at + part.rows * width, width) - from
      this.#operations.push(operation, this.#at, at, part.rows + 1, base - from, 0)
      this.#at += part.rows * width
      base += count
      return { from, count }
    })
    if (rows === 0) this.#operations.push(Operation.zeros, this.#at, 0, width, 0, 0)
    this.#at = start + (rows + 1) * width
    this.#close(start)
    return ranges
  }

  #close(start: number): void {
    this.#buffers.push(start, this.#at - start)
    this.#at = (this.#at + 7) & ~7
  }

  #run(rows: number, allocate: Allocate): LaidOutBatch {
    const operations = this.#operations
    const body = allocate(this.#at)
    const base = addressOf(body)
    for (let i = 0; i < this.#buffers.length; i += 2) {
      const end = this.#buffers[i]! + this.#buffers[i + 1]!
      if (end & 7) body.fill(0, end, (end + 7) & ~7)
    }
    for (let i = 0; i < operations.length; i += OPERATION_WORDS) {
      const to = operations[i + 1]!
      const from = operations[i + 2]!
      const count = operations[i + 3]!
      const extra = operations[i + 4]!
      switch (operations[i]) {
        case Operation.copy:
          memcpy(base + to, from, count)
          break
        case Operation.bits:
          bits.copy(body, to, extra, from, operations[i + 5]!, count)
          break
        case Operation.ones:
          bits.setOnes(body, to, extra, count)
          break
        case Operation.pack:
          bits.pack(body, to, extra, from, count)
          break
        case Operation.widen:
          widener.widen(body, to, from, count, extra)
          break
        case Operation.huge:
          memcpy(base + to, from, count * DECIMAL_BYTES)
          refuseBeyondDecimal(body, to, this.#huge[operations[i + 5]!]!, extra === 1)
          break
        case Operation.zeros:
          body.fill(0, to, to + count)
          break
        case Operation.offsets32:
          memcpy(base + to, from, 4 * count)
          if (extra !== 0) {
            const offsets = new Int32Array(body.buffer, body.byteOffset + to, count)
            for (let k = 0; k < count; k++) offsets[k] = offsets[k]! + extra
          }
          break
        case Operation.offsets64:
          memcpy(base + to, from, 8 * count)
          if (extra !== 0) {
            const offsets = new BigInt64Array(body.buffer, body.byteOffset + to, count)
            const delta = BigInt(extra)
            for (let k = 0; k < count; k++) offsets[k] = offsets[k]! + delta
          }
          break
      }
    }
    // Read here, what was rendered is reachable until it has been copied.
    if (this.#rendered.length > 0) this.#rendered = []
    return { body, bodyLength: this.#at, rows, nodes: this.#nodes, buffers: this.#buffers }
  }
}

function nullsOf(part: ColumnPart): number {
  if (part.nulls >= 0) return part.nulls
  return part.buffer0 === 0 ? 0 : bits.countZeros(part.buffer0, part.offset, part.rows)
}
