import type { BatchLayout } from '../../arrow/batch.ts'
import { ArrowError } from '../../arrow/errors.ts'
import { type LayoutPlan, layoutPlan } from '../../arrow/layout-plan.ts'
import type { Field } from '../../arrow/schema.ts'
import type { Arena } from './arena.ts'
import { ARROW_ARRAY_BYTES } from './arrow-struct.ts'
import { checkFixed, checkIndices, checkOffsets, checkUtf8, checkValidity, checkViews } from './checked-buffers.ts'
import { type Address, addressOf, releaseNothing } from './native.ts'

/** One column laid out as ArrowArray over the body of its message. */
export interface WrittenColumn {
  readonly rows: number
  readonly words: BigUint64Array
}

/** A dictionary that has come, by the field that it belongs to. */
export type Dictionaries = ReadonlyMap<Field, WrittenColumn>

/**
 * Lays out the columns of a batch as ArrowArrays over its body, which is not copied. Their release callbacks do
 * nothing: their memory is the arena's, which must be kept until DuckDB has read them.
 * Source: https://arrow.apache.org/docs/format/CDataInterface.html#structure-definitions.
 *
 * @param body begins at a multiple of 8
 * @throws ArrowError MALFORMED for whatever would lead outside the body
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

/** An ArrowArray of struct type over some rows of the columns; answers with its address. */
export function writeRows(columns: readonly WrittenColumn[], from: number, rows: number, arena: Arena): Address {
  const children = columns.map((column) => {
    const words = arena.allocate(ARROW_ARRAY_BYTES)
    words.set(column.words)
    // The number of nulls stays that of the whole column: for an unknown one DuckDB takes dictionaries to have none.
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

  write(field: Field, plan: LayoutPlan, atLeast: number): WrittenColumn {
    const rows = this.#layout.nodes[2 * this.#node]
    const nulls = this.#layout.nodes[2 * this.#node++ + 1]
    if (rows === undefined || nulls === undefined || rows < atLeast)
      throw new ArrowError('MALFORMED', 'The batch has fewer columns or rows than its schema and header say.')
    const buffers: Uint8Array[] = []
    const take = () => {
      const buffer = this.#take()
      buffers.push(buffer)
      return buffer
    }
    let children: readonly WrittenColumn[] = []
    switch (plan.kind) {
      case 'null':
        break
      case 'fixed':
      case 'bool': {
        const validity = take()
        checkValidity(validity, rows, nulls)
        const values = take()
        checkFixed(values, plan, rows)
        const dictionary = plan.dictionary && this.#dictionaryOf(field)
        if (dictionary) checkIndices(values, field.format, rows, dictionary.rows, nulls > 0 ? validity : none)
        break
      }
      case 'text': {
        checkValidity(take(), rows, nulls)
        const offsets = take()
        const data = take()
        checkOffsets(offsets, plan.width, rows, data.byteLength)
        if (field.format === 'u' || field.format === 'U') checkUtf8(data, offsets, plan.width, rows)
        break
      }
      case 'view': {
        const validity = take()
        checkValidity(validity, rows, nulls)
        const views = take()
        checkFixed(views, plan, rows)
        const data = Array.from({ length: this.#layout.variadicCounts?.[this.#view++] ?? 0 }, take)
        checkViews(views, rows, data, nulls > 0 ? validity : none, field.format === 'vu')
        buffers.push(new Uint8Array(BigInt64Array.from(data, (buffer) => BigInt(buffer.byteLength)).buffer))
        this.#arena.keep(buffers.at(-1)!)
        break
      }
      case 'list': {
        checkValidity(take(), rows, nulls)
        const offsets = take()
        const [, last] = checkOffsets(offsets, plan.width, rows, Number.MAX_SAFE_INTEGER)
        children = [this.write(field.children[0]!, plan.children[0]!, last)]
        break
      }
      case 'fixedList':
        checkValidity(take(), rows, nulls)
        children = [this.write(field.children[0]!, plan.children[0]!, rows * plan.width)]
        break
      case 'struct':
        checkValidity(take(), rows, nulls)
        children = field.children.map((child, i) => this.write(child, plan.children[i]!, rows))
        break
      default:
        throw new ArrowError(
          'UNSUPPORTED',
          `The column "${field.name}" has the Arrow type ${field.format}, which cannot be ingested.`,
        )
    }
    return { rows, words: this.#struct(field, plan, rows, nulls, buffers, children) }
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
    if (!dictionary) throw new ArrowError('MALFORMED', `The dictionary of "${field.name}" has not come.`)
    return dictionary
  }

  #take(): Uint8Array {
    const offset = this.#layout.buffers[2 * this.#buffer]
    const length = this.#layout.buffers[2 * this.#buffer++ + 1]
    if (offset === undefined || length === undefined)
      throw new ArrowError('MALFORMED', 'The batch has fewer buffers than its schema.')
    if (offset % 8 !== 0) throw new ArrowError('MALFORMED', 'A buffer of the batch is not aligned.')
    return this.#body.subarray(offset, offset + length)
  }
}

const none = new Uint8Array(0)
