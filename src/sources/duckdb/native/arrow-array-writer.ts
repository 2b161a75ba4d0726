import type { BatchLayout } from '../../../arrow/batches/batch.ts'
import { type LayoutPlan, layoutPlan } from '../../../arrow/batches/layout-plan.ts'
import { ArrowError } from '../../../arrow/errors.ts'
import type { Field } from '../../../arrow/schema.ts'
import { importedValues } from '../bind/imported-column.ts'
import { outOfRange } from '../bind/value-ranges.ts'
import type { Arena } from './arena.ts'
import { ARROW_ARRAY_BYTES } from './arrow-array-reader.ts'
import { type Address, addressOf, releaseNothing } from './library.ts'
import {
  checkFixed,
  checkIndices,
  checkOffsets,
  checkUtf8,
  checkValidity,
  checkViews,
  indexReader,
  isNull,
  offsetReader,
} from './validate-buffers.ts'

/** One column, laid out as an ArrowArray over the body of its message. */
export interface WrittenColumn {
  readonly rows: number
  readonly words: BigUint64Array
  /**
   * Why DuckDB cannot hold the value of a row, nested values included; undefined for a good row. Absent when all rows are
   * good.
   */
  readonly fault?: (row: number) => string | undefined
  /**
   * How many indices into one dictionary DuckDB reads at once for these rows, at any depth; infinite where DuckDB would read
   * them wrongly. Absent without dictionaries.
   */
  readonly indices?: (from: number, to: number) => number
  /** Whether some index into a dictionary, outside of lists, is null. */
  readonly hasNullIndices?: boolean
}

/** The dictionaries received so far, by their field. */
export type Dictionaries = ReadonlyMap<Field, WrittenColumn>

/**
 * Lays out the columns of a batch as ArrowArrays over its body, with the types of `importedField`. Only values that need a
 * conversion are copied. The release callbacks do nothing: the arena owns the memory, and must be kept until DuckDB has read
 * it.
 * Source: https://arrow.apache.org/docs/format/CDataInterface.html#structure-definitions.
 *
 * @param body aligned to 8 bytes
 * @throws ArrowError MALFORMED for offsets and sizes that lead outside the body
 */
export function writeColumns(
  fields: readonly Field[],
  layout: BatchLayout,
  body: Uint8Array,
  dictionaries: Dictionaries,
  arena: Arena,
): WrittenColumn[] {
  const writer = new ColumnWriter(layout, body, dictionaries, arena)
  return fields.map((field) => writer.write(field, layoutPlan(field), layout.rows))
}

/** Writes an ArrowArray of struct type over some rows of the columns. @returns its address */
export function writeRows(columns: readonly WrittenColumn[], from: number, rows: number, arena: Arena): Address {
  const children = columns.map((column) => {
    const words = arena.allocate(ARROW_ARRAY_BYTES)
    words.set(column.words)
    // Keep the null count of the whole column: when it is unknown, DuckDB assumes that a dictionary column has no nulls.
    words[0] = BigInt(rows)
    words[2] = BigInt(from)
    words[8] = releaseNothing
    return addressOf(words)
  })
  const words = arena.allocate(ARROW_ARRAY_BYTES)
  words[0] = BigInt(rows)
  words[3] = 1n
  words[4] = BigInt(children.length)
  words[5] = BigInt(arena.list([0]))
  words[6] = BigInt(arena.list(children))
  words[8] = releaseNothing
  return addressOf(words)
}

class ColumnWriter {
  readonly #layout: BatchLayout
  readonly #body: Uint8Array
  readonly #dictionaries: Dictionaries
  readonly #arena: Arena
  #node = 0
  #buffer = 0
  #view = 0

  constructor(layout: BatchLayout, body: Uint8Array, dictionaries: Dictionaries, arena: Arena) {
    this.#layout = layout
    this.#body = body
    this.#dictionaries = dictionaries
    this.#arena = arena
    arena.keep(body)
  }

  write(field: Field, plan: LayoutPlan, minRows: number): WrittenColumn {
    const rows = this.#layout.nodes[2 * this.#node]
    const nulls = this.#layout.nodes[2 * this.#node++ + 1]
    if (rows === undefined || nulls === undefined || rows < minRows)
      throw new ArrowError('MALFORMED', 'The batch has fewer columns or rows than its schema and header say.')
    const buffers: Uint8Array[] = []
    const nextBuffer = () => {
      const buffer = this.#nextBuffer()
      buffers.push(buffer)
      return buffer
    }
    let children: readonly WrittenColumn[] = []
    let fault: WrittenColumn['fault']
    let indices: WrittenColumn['indices']
    let hasNullIndices = false
    switch (plan.kind) {
      case 'null':
        break
      case 'fixed':
      case 'bool': {
        const validity = nextBuffer()
        checkValidity(validity, rows, nulls)
        const values = nextBuffer()
        checkFixed(values, plan, rows)
        const dictionary = plan.dictionary && this.#dictionaryOf(field)
        if (dictionary) {
          checkIndices(values, field.format, rows, dictionary.rows, nulls > 0 ? validity : noBytes)
          const index = indexReader(values, field.format)
          fault = dictionary.fault && ((row) => dictionary.fault!(index(row)))
          const inDictionary = dictionary.indices?.(0, dictionary.rows) ?? 0
          indices = (from, to) => Math.max(to - from, inDictionary)
          hasNullIndices = nulls > 0
        } else if (plan.kind === 'fixed') {
          const outOfRangeValues = outOfRange(field.format, values, rows)
          buffers[1] = importedValues(field, plan.width, values, rows, outOfRangeValues)
          this.#arena.keep(buffers[1])
          fault =
            outOfRangeValues && ((row) => (outOfRangeValues.has(row) ? outOfRangeValues.describe(row) : undefined))
        }
        break
      }
      case 'text': {
        const validity = nextBuffer()
        checkValidity(validity, rows, nulls)
        const offsets = nextBuffer()
        const data = nextBuffer()
        checkOffsets(offsets, plan.width, rows, data.byteLength)
        if (field.format === 'u' || field.format === 'U')
          checkUtf8(data, offsets, plan.width, rows, nulls > 0 ? validity : noBytes)
        break
      }
      case 'view': {
        const validity = nextBuffer()
        checkValidity(validity, rows, nulls)
        const views = nextBuffer()
        checkFixed(views, plan, rows)
        const data = Array.from({ length: this.#layout.variadicCounts?.[this.#view++] ?? 0 }, nextBuffer)
        checkViews(views, rows, data, nulls > 0 ? validity : noBytes, field.format === 'vu')
        buffers.push(new Uint8Array(BigInt64Array.from(data, (buffer) => BigInt(buffer.byteLength)).buffer))
        this.#arena.keep(buffers.at(-1)!)
        break
      }
      case 'list': {
        checkValidity(nextBuffer(), rows, nulls)
        const offsets = nextBuffer()
        const [, last] = checkOffsets(offsets, plan.width, rows, Number.MAX_SAFE_INTEGER)
        children = [this.write(field.children[0]!, plan.children[0]!, last)]
        const offset = offsetReader(offsets, plan.width)
        fault = faultOfMembers(children[0]!, (row) => [offset(row), offset(row + 1)])
        indices = indicesOfMembers(children[0]!, (row) => offset(row))
        break
      }
      case 'fixedList':
        checkValidity(nextBuffer(), rows, nulls)
        children = [this.write(field.children[0]!, plan.children[0]!, rows * plan.width)]
        fault = faultOfMembers(children[0]!, (row) => [row * plan.width, (row + 1) * plan.width])
        // For a fixed-size list, DuckDB reads the indices of other rows.
        indices = children[0]!.indices && (() => Number.POSITIVE_INFINITY)
        break
      case 'struct':
        checkValidity(nextBuffer(), rows, nulls)
        children = field.children.map((child, i) => this.write(child, plan.children[i]!, rows))
        fault = faultOfAny(children)
        indices = indicesOfAny(children)
        hasNullIndices = children.some((child) => child.hasNullIndices)
        break
      default:
        throw new ArrowError(
          'UNSUPPORTED',
          `The column "${field.name}" has the Arrow type ${field.format}, which cannot be ingested.`,
        )
    }
    const words = this.#struct(field, plan, rows, nulls, buffers, children)
    const dictionaries = indices && { indices, hasNullIndices }
    if (!fault) return { rows, words, ...dictionaries }
    // The value under a null does not count.
    const validity = buffers[0]!
    const faultUnlessNull = (row: number) => (nulls > 0 && isNull(validity, row) ? undefined : fault(row))
    return { rows, words, fault: faultUnlessNull, ...dictionaries }
  }

  #struct(
    field: Field,
    plan: LayoutPlan,
    rows: number,
    nulls: number,
    buffers: readonly Uint8Array[],
    children: readonly WrittenColumn[],
  ): BigUint64Array {
    const arena = this.#arena
    const words = arena.allocate(ARROW_ARRAY_BYTES)
    const addresses = buffers.map((buffer) => (buffer.byteLength === 0 ? 0 : addressOf(buffer)))
    words[0] = BigInt(rows)
    words[1] = BigInt(plan.kind === 'null' ? rows : nulls)
    words[3] = BigInt(addresses.length)
    words[4] = BigInt(children.length)
    words[5] = BigInt(arena.list(addresses))
    words[6] = BigInt(arena.list(children.map((child) => addressOf(child.words))))
    words[8] = releaseNothing
    if (plan.dictionary) words[7] = BigInt(addressOf(this.#dictionaryOf(field).words))
    return words
  }

  #dictionaryOf(field: Field): WrittenColumn {
    const dictionary = this.#dictionaries.get(field)
    if (!dictionary) throw new ArrowError('MALFORMED', `The dictionary of "${field.name}" is missing.`)
    return dictionary
  }

  #nextBuffer(): Uint8Array {
    const offset = this.#layout.buffers[2 * this.#buffer]
    const length = this.#layout.buffers[2 * this.#buffer++ + 1]
    if (offset === undefined || length === undefined)
      throw new ArrowError('MALFORMED', 'The batch has fewer buffers than its schema.')
    if (offset % 8 !== 0) throw new ArrowError('MALFORMED', 'A buffer of the batch is not aligned.')
    return this.#body.subarray(offset, offset + length)
  }
}

const noBytes = new Uint8Array(0)

function faultOfMembers(
  members: WrittenColumn,
  range: (row: number) => readonly [from: number, to: number],
): WrittenColumn['fault'] {
  const { fault } = members
  if (!fault) return undefined
  return (row) => {
    const [from, to] = range(row)
    for (let i = from; i < to; i++) {
      const found = fault(i)
      if (found) return found
    }
    return undefined
  }
}

/**
 * When DuckDB looks for null indices among the members of a list, it ignores the offset of the first member and reads the
 * validity of other members.
 */
function indicesOfMembers(
  { indices, hasNullIndices }: WrittenColumn,
  start: (row: number) => number,
): WrittenColumn['indices'] {
  if (!indices) return undefined
  if (hasNullIndices) return () => Number.POSITIVE_INFINITY
  return (from, to) => (from === to ? 0 : indices(start(from), start(to)))
}

function indicesOfAny(children: readonly WrittenColumn[]): WrittenColumn['indices'] {
  const all = children.flatMap(({ indices }) => indices ?? [])
  return all.length === 0 ? undefined : (from, to) => Math.max(...all.map((indices) => indices(from, to)))
}

function faultOfAny(children: readonly WrittenColumn[]): WrittenColumn['fault'] {
  const faults = children.flatMap(({ fault }) => fault ?? [])
  if (faults.length === 0) return undefined
  return (row) => {
    for (const fault of faults) {
      const found = fault(row)
      if (found) return found
    }
    return undefined
  }
}
