import type { Field } from '../../arrow/schema.ts'
import { c, destroy } from './c-functions.ts'
import { type Address, addressOf, libduckdb } from './native.ts'

/** Numbers of `duckdb_type` by Arrow format. Source: https://duckdb.org/docs/stable/clients/c/types. */
const typeIds: Readonly<Record<string, number>> = {
  b: 1,
  c: 2,
  s: 3,
  i: 4,
  l: 5,
  C: 6,
  S: 7,
  I: 8,
  L: 9,
  f: 10,
  g: 11,
  tdD: 13,
  tdm: 13,
  tts: 14,
  ttm: 14,
  ttu: 14,
  ttn: 14,
  tiM: 15,
  tin: 15,
  u: 17,
  U: 17,
  z: 18,
  Z: 18,
}
const TIMESTAMP = 12
const TIMESTAMP_TZ = 31
const INTERVAL = 15

const createDecimal: (width: number, scale: number) => Address = libduckdb.func(
  'uintptr_t duckdb_create_decimal_type(uint8_t, uint8_t)',
)
const createNull: () => Address = libduckdb.func('uintptr_t duckdb_create_null_value()')
const createList: (type: Address, values: Address, count: number) => Address = libduckdb.func(
  'uintptr_t duckdb_create_list_value(uintptr_t, uintptr_t, uint64_t)',
)
const listChild: (list: Address, index: number) => Address = libduckdb.func(
  'uintptr_t duckdb_get_list_child(uintptr_t, uint64_t)',
)
const destroyValue: (cell: Address) => void = libduckdb.func('void duckdb_destroy_value(uintptr_t)')

const MAX_KEPT = 200
const kept = new Map<string, Address>()
const listed = new BigUint64Array(1)

/**
 * A NULL with the type that values of the field are bound with, for DuckDB takes a plain one to be an INTEGER; 0 when
 * there is no such type. It is kept and must not be destroyed.
 */
export function typedNull({ format }: Field): Address {
  const known = kept.get(format)
  if (known !== undefined) return known
  const type = logicalType(format)
  // Formats are a client's words: what is kept must be bounded.
  if (type === 0 || kept.size >= MAX_KEPT) return 0
  // The only value with a type that the C API makes of a NULL is the member of a list.
  const plain = createNull()
  listed[0] = BigInt(plain)
  const list = createList(type, addressOf(listed), 1)
  const value = list === 0 ? 0 : listChild(list, 0)
  destroy(destroyValue, list)
  destroy(destroyValue, plain)
  destroy(c.destroyType, type)
  kept.set(format, value)
  return value
}

function logicalType(format: string): Address {
  const id = typeIds[format]
  if (id !== undefined) return c.createType(id)
  if (format.startsWith('ts')) return c.createType(format.length > 4 ? TIMESTAMP_TZ : TIMESTAMP)
  if (format.startsWith('tD')) return c.createType(INTERVAL)
  const [width, scale, bits] = format.startsWith('d:') ? format.slice(2).split(',').map(Number) : []
  return width !== undefined && scale !== undefined && bits === undefined && width <= 38
    ? createDecimal(width, scale)
    : 0
}
