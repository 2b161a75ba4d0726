import type { BatchLayout } from '../../../arrow/batches/batch.ts'
import { layoutPlan } from '../../../arrow/batches/layout-plan.ts'
import { ArrowError } from '../../../arrow/errors.ts'
import type { Field } from '../../../arrow/schema.ts'
import type { Address } from '../native/library.ts'
import { destroyType, makeArray, makeList, makeMap, makeStruct, nullValue, typedNull, types } from '../native/values.ts'
import { type ScalarReader, scalarReader } from './parameter-scalar.ts'

/** A column of parameters, which creates DuckDB values. */
export interface ParameterColumn {
  /** The type of the column's values; 0 when it has none. The caller destroys it. */
  type(): Address
  /** The value of a row; the caller destroys it. A NULL is typed unless it is a member of another value. */
  value(row: number, isMember?: boolean): Address
}

/** The dictionaries received so far, by their field. */
export type ParameterDictionaries = ReadonlyMap<Field, ParameterColumn>

/** Reads the columns of a batch in order. */
export class ParameterReader {
  readonly #layout: BatchLayout
  readonly #body: Buffer
  readonly #dictionaries: ParameterDictionaries
  #node = 0
  #buffer = 0
  #view = 0

  constructor(layout: BatchLayout, body: Uint8Array, dictionaries: ParameterDictionaries) {
    this.#layout = layout
    this.#body = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    this.#dictionaries = dictionaries
  }

  /** The next column. @throws ArrowError MALFORMED, UNSUPPORTED */
  column(field: Field): ParameterColumn {
    const plan = layoutPlan(field)
    const nulls = this.#layout.nodes[2 * this.#node++ + 1]
    if (nulls === undefined) throw new ArrowError('MALFORMED', 'The batch has fewer columns than its schema.')
    if (plan.kind === 'null') return { type: () => 0, value: nullValue }
    const validity = this.#nextBuffer()
    const isPresent = nulls === 0 || validity.length === 0 ? () => true : (row: number) => isSet(validity, row)
    const make = this.#maker(field, plan.kind, plan.width)
    return {
      type: make.type,
      value(row, isMember = false) {
        if (isPresent(row)) return make.value(row)
        if (isMember) return nullValue()
        const type = make.type()
        try {
          return type === 0 ? nullValue() : typedNull(type)
        } finally {
          destroyType(type)
        }
      },
    }
  }

  #maker(field: Field, kind: string, width: number): ParameterColumn {
    if (field.dictionary) {
      const index = scalarReader(field, [this.#nextBuffer()]).number!
      const dictionary = this.#dictionaries.get(field)
      if (!dictionary) throw new ArrowError('MALFORMED', `The dictionary of "${field.name}" is missing.`)
      return { type: dictionary.type, value: (row) => dictionary.value(index(row), true) }
    }
    switch (kind) {
      case 'list':
        return field.format === '+m' ? this.#map(field, width) : this.#list(field, width)
      case 'fixedList': {
        const child = this.column(field.children[0]!)
        const members = (row: number) => Array.from({ length: width }, (_, i) => child.value(row * width + i, true))
        return {
          type: () => withType(child, (type) => types.array(type, width)),
          value: (row) => withType(child, (type) => makeArray(type, members(row))),
        }
      }
      case 'struct':
        return this.#struct(field)
      case 'sparseUnion':
      case 'denseUnion':
        throw new ArrowError('UNSUPPORTED', `The parameter "${field.name}" is a union, which cannot be bound.`)
      default:
        return this.#scalar(field, kind)
    }
  }

  #scalar(field: Field, kind: string): ParameterColumn {
    const buffers = [this.#nextBuffer()]
    if (kind === 'text') buffers.push(this.#nextBuffer())
    if (kind === 'view')
      for (let remaining = this.#layout.variadicCounts?.[this.#view++] ?? 0; remaining > 0; remaining--)
        buffers.push(this.#nextBuffer())
    const reader: ScalarReader = scalarReader(field, buffers)
    return { type: reader.type, value: reader.value }
  }

  #list(field: Field, width: number): ParameterColumn {
    const offset = offsets(this.#nextBuffer(), width)
    const child = this.column(field.children[0]!)
    const members = (row: number) => range(offset(row), offset(row + 1)).map((i) => child.value(i, true))
    return {
      type: () => withType(child, (type) => types.list(type)),
      value: (row) => withType(child, (type) => makeList(type, members(row))),
    }
  }

  #map(field: Field, width: number): ParameterColumn {
    const offset = offsets(this.#nextBuffer(), width)
    const entries = field.children[0]!
    this.#node++
    this.#nextBuffer()
    const [keys, members] = entries.children.map((child) => this.column(child))
    if (!keys || !members) throw new ArrowError('MALFORMED', 'A map has no keys or no values.')
    const type = () => withType(keys, (key) => withType(members, (isMember) => types.map(key, isMember)))
    return {
      type,
      value(row) {
        const rows = range(offset(row), offset(row + 1))
        const mapType = type()
        try {
          return makeMap(
            mapType,
            rows.map((i) => keys.value(i, true)),
            rows.map((i) => members.value(i, true)),
          )
        } finally {
          destroyType(mapType)
        }
      },
    }
  }

  #struct(field: Field): ParameterColumn {
    const children = field.children.map((child) => this.column(child))
    const names = field.children.map(({ name }) => name)
    const type = () => {
      const members = children.map((child) => child.type() || types.plain(TYPE_INTEGER))
      try {
        return types.struct(members, names)
      } finally {
        for (const isMember of members) destroyType(isMember)
      }
    }
    return {
      type,
      value(row) {
        const structType = type()
        try {
          return makeStruct(
            structType,
            children.map((child) => child.value(row, true)),
          )
        } finally {
          destroyType(structType)
        }
      },
    }
  }

  #nextBuffer(): Buffer {
    const offset = this.#layout.buffers[2 * this.#buffer]
    const length = this.#layout.buffers[2 * this.#buffer++ + 1]
    if (offset === undefined || length === undefined)
      throw new ArrowError('MALFORMED', 'The batch has fewer buffers than its schema.')
    return this.#body.subarray(offset, offset + length)
  }
}

const TYPE_INTEGER = 4

function withType<T>(column: ParameterColumn, run: (type: Address) => T): T {
  const type = column.type() || types.plain(TYPE_INTEGER)
  try {
    return run(type)
  } finally {
    destroyType(type)
  }
}

function isSet(bits: Buffer, row: number): boolean {
  return ((bits.readUInt8(row >> 3) >> (row & 7)) & 1) === 1
}

function offsets(bytes: Buffer, width: number): (row: number) => number {
  return width === 8 ? (row) => Number(bytes.readBigInt64LE(8 * row)) : (row) => bytes.readInt32LE(4 * row)
}

const MAX_MEMBERS = 10_000_000

function range(from: number, to: number): number[] {
  if (from < 0 || to < from || to - from > MAX_MEMBERS)
    throw new ArrowError('MALFORMED', 'The offsets of a list are out of order or too far apart.')
  return Array.from({ length: to - from }, (_, i) => from + i)
}
