import type { BatchLayout } from '../../../arrow/batches/batch.ts'
import type { LayoutPlan } from '../../../arrow/batches/layout-plan.ts'
import { ArrowError } from '../../../arrow/errors.ts'
import { type ColumnPart, readArrowArray, readChildren } from '../native/arrow-array-reader.ts'
import { BitCopier } from '../native/bits.ts'
import { type Address, addressOf, memcpy } from '../native/library.ts'
import { DECIMAL_BYTES, DecimalWidener } from './decimal-widener.ts'
import { decodePart } from './decoded-part.ts'
import { refuseBeyondDecimal } from './huge-range.ts'
import { readOffset, slicePart } from './part-measure.ts'
import { type RenderedPart, renderPart } from './rendered-part.ts'

/** Allocates a buffer of at least `bytes` bytes. */
export type Allocate = (bytes: number) => Uint8Array<SharedArrayBuffer>

/** A record batch, laid out in one body. */
export interface LaidOutBatch extends BatchLayout {
  /** The buffer whose first `bodyLength` bytes are the body. */
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
 * Concatenates many small chunks of the same columns into the body of one record batch. It measures everything first, then
 * copies each byte once.
 */
export class Layout {
  readonly #operations: number[] = []
  readonly #nodes: number[] = []
  readonly #buffers: number[] = []
  /** Rendered texts, which are copied from JavaScript memory. */
  #rendered: RenderedPart[] = []
  readonly #huge: ColumnPart[] = []
  #end = 0

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

  /** Lays out the values of a dictionary as a batch of one column. */
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
    else if (plan.kind === 'members') this.#allValid(rows)
    else this.#validity(parts, rows)
    switch (plan.kind) {
      case 'fixed':
        this.#fixedWidth(parts, plan.width, (part) => part.buffer1)
        break
      case 'sparseUnion':
        this.#fixedWidth(parts, 1, (part) => part.buffer0)
        break
      case 'bool':
        this.#bitmap(parts, (part) => part.buffer1)
        break
      case 'boolBytes':
        this.#packedBooleans(parts)
        break
      case 'narrowDecimal':
        this.#widenedDecimals(parts, plan.width)
        break
      case 'huge':
      case 'unsignedHuge':
        this.#hugeDecimals(parts, plan.kind === 'huge')
        break
      case 'rendered':
      case 'decoded': {
        const rendered = parts.map((part) =>
          plan.kind === 'decoded' ? decodePart(plan, part) : renderPart(plan, part),
        )
        this.#rendered.push(...rendered)
        this.#strings(rendered, rows, 4)
        break
      }
      case 'text':
        this.#strings(parts, rows, plan.width)
        break
      case 'list': {
        const ranges = this.#offsets(parts, rows, plan.width)
        this.#children(plan, parts, (part, i) => ({ offset: ranges[i]!.from, rows: ranges[i]!.count, part }))
        break
      }
      case 'struct':
      case 'members':
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
    if (plan.kind === 'struct' || plan.kind === 'members' || plan.kind === 'sparseUnion')
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
    for (const partNulls of nulls) total += partNulls
    this.#nodes.push(rows, total)
    if (total === 0) this.#buffers.push(this.#end, 0)
    else this.#bitmap(parts, (part, i) => (nulls[i] === 0 ? 0 : part.buffer0))
  }

  /** A struct that was a union, whose members alone are NULL. */
  #allValid(rows: number): void {
    this.#nodes.push(rows, 0)
    this.#buffers.push(this.#end, 0)
  }

  #fixedWidth(parts: readonly ColumnPart[], width: number, data: (part: ColumnPart) => Address): void {
    const start = this.#end
    for (const part of parts) this.#addCopy(data(part) + part.offset * width, part.rows * width)
    this.#endBuffer(start)
  }

  #hugeDecimals(parts: readonly ColumnPart[], signed: boolean): void {
    const start = this.#end
    for (const part of parts) {
      const from = part.buffer1 + part.offset * DECIMAL_BYTES
      this.#operations.push(Operation.huge, this.#end, from, part.rows, signed ? 1 : 0, this.#huge.push(part) - 1)
      this.#end += part.rows * DECIMAL_BYTES
    }
    this.#endBuffer(start)
  }

  #strings(parts: readonly ColumnPart[], rows: number, width: number): void {
    const ranges = this.#offsets(parts, rows, width)
    const start = this.#end
    for (const [i, part] of parts.entries()) this.#addCopy(part.buffer2 + ranges[i]!.from, ranges[i]!.count)
    this.#endBuffer(start)
  }

  #addCopy(from: Address, bytes: number): void {
    if (bytes === 0) return
    this.#operations.push(Operation.copy, this.#end, from, bytes, 0, 0)
    this.#end += bytes
  }

  #bitmap(parts: readonly ColumnPart[], source: (part: ColumnPart, i: number) => Address): void {
    const start = this.#end
    let bit = 0
    for (const [i, part] of parts.entries()) {
      const from = source(part, i)
      this.#operations.push(from === 0 ? Operation.ones : Operation.bits, start, from, part.rows, bit, part.offset)
      bit += part.rows
    }
    this.#end = start + ((bit + 7) >> 3)
    this.#endBuffer(start)
  }

  #packedBooleans(parts: readonly ColumnPart[]): void {
    const start = this.#end
    let bit = 0
    for (const part of parts) {
      this.#operations.push(Operation.pack, start, part.buffer1 + part.offset, part.rows, bit, 0)
      bit += part.rows
    }
    this.#end = start + ((bit + 7) >> 3)
    this.#endBuffer(start)
  }

  #widenedDecimals(parts: readonly ColumnPart[], width: number): void {
    const start = this.#end
    for (const part of parts) {
      this.#operations.push(Operation.widen, this.#end, part.buffer1 + part.offset * width, part.rows, width, 0)
      this.#end += part.rows * DECIMAL_BYTES
    }
    this.#endBuffer(start)
  }

  /** Queues the copying of the offsets. @returns the range of values that each part covers */
  #offsets(parts: readonly ColumnPart[], rows: number, width: number): { from: number; count: number }[] {
    const start = this.#end
    const operation = width === 8 ? Operation.offsets64 : Operation.offsets32
    let base = 0
    const ranges = parts.map((part) => {
      if (part.rows === 0) return { from: 0, count: 0 }
      const at = part.buffer1 + part.offset * width
      const from = part.offset === 0 ? 0 : readOffset(at, width)
      const count = readOffset(at + part.rows * width, width) - from
      this.#operations.push(operation, this.#end, at, part.rows + 1, base - from, 0)
      this.#end += part.rows * width
      base += count
      return { from, count }
    })
    if (rows === 0) this.#operations.push(Operation.zeros, this.#end, 0, width, 0, 0)
    this.#end = start + (rows + 1) * width
    this.#endBuffer(start)
    return ranges
  }

  #endBuffer(start: number): void {
    this.#buffers.push(start, this.#end - start)
    this.#end = (this.#end + 7) & ~7
  }

  #run(rows: number, allocate: Allocate): LaidOutBatch {
    const operations = this.#operations
    const body = allocate(this.#end)
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
    // Reading the field here keeps the rendered texts reachable until they have been copied.
    if (this.#rendered.length > 0) this.#rendered = []
    return { body, bodyLength: this.#end, rows, nodes: this.#nodes, buffers: this.#buffers }
  }
}

function nullsOf(part: ColumnPart): number {
  if (part.nulls >= 0) return part.nulls
  return part.buffer0 === 0 ? 0 : bits.countZeros(part.buffer0, part.offset, part.rows)
}
