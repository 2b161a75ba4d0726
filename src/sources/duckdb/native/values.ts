import koffi from 'koffi'
import { c, destroy } from './c-api.ts'
import { type Address, addressOf, libduckdb } from './library.ts'

/*
 * Functions of DuckDB's C API that create values and types. A value is an address, which its creator destroys.
 * Source: https://duckdb.org/docs/stable/clients/c/value.
 */

koffi.struct('duckdb_hugeint', { lower: 'uint64_t', upper: 'int64_t' })
koffi.struct('duckdb_uhugeint', { lower: 'uint64_t', upper: 'uint64_t' })
koffi.struct('duckdb_decimal', { width: 'uint8_t', scale: 'uint8_t', value: 'duckdb_hugeint' })
koffi.struct('duckdb_date', { days: 'int32_t' })
koffi.struct('duckdb_time', { micros: 'int64_t' })
koffi.struct('duckdb_time_ns', { nanos: 'int64_t' })
koffi.struct('duckdb_timestamp', { micros: 'int64_t' })
koffi.struct('duckdb_timestamp_ns', { nanos: 'int64_t' })
koffi.struct('duckdb_interval', { months: 'int32_t', days: 'int32_t', micros: 'int64_t' })

type Create = (value: unknown) => Address
const create = (name: string, type: string): Create => libduckdb.func(`uintptr_t duckdb_create_${name}(${type})`)
const createBytes = (name: string): ((bytes: Uint8Array, length: number) => Address) =>
  libduckdb.func(`uintptr_t duckdb_create_${name}(const void*, uint64_t)`)
const createType = (name: string, parameters: string): ((...parameters: unknown[]) => Address) =>
  libduckdb.func(`uintptr_t duckdb_create_${name}(${parameters})`)

/** Create a value of each type. */
export const values = {
  boolean: create('bool', 'bool'),
  int8: create('int8', 'int8_t'),
  int16: create('int16', 'int16_t'),
  int32: create('int32', 'int32_t'),
  int64: create('int64', 'int64_t'),
  uint8: create('uint8', 'uint8_t'),
  uint16: create('uint16', 'uint16_t'),
  uint32: create('uint32', 'uint32_t'),
  uint64: create('uint64', 'uint64_t'),
  float: create('float', 'float'),
  double: create('double', 'double'),
  decimal: create('decimal', 'duckdb_decimal'),
  uuid: create('uuid', 'duckdb_uhugeint'),
  date: create('date', 'duckdb_date'),
  time: create('time', 'duckdb_time'),
  timeNs: create('time_ns', 'duckdb_time_ns'),
  timestamp: create('timestamp', 'duckdb_timestamp'),
  timestampNs: create('timestamp_ns', 'duckdb_timestamp_ns'),
  timestampTz: create('timestamp_tz', 'duckdb_timestamp'),
  interval: create('interval', 'duckdb_interval'),
  text: createBytes('varchar_length'),
  blob: createBytes('blob'),
}

const plainNull: () => Address = libduckdb.func('uintptr_t duckdb_create_null_value()')
const listValue = createType('list_value', 'uintptr_t, uintptr_t, uint64_t')
const arrayValue = createType('array_value', 'uintptr_t, uintptr_t, uint64_t')
const structValue = createType('struct_value', 'uintptr_t, uintptr_t')
const mapValue = createType('map_value', 'uintptr_t, uintptr_t, uintptr_t, uint64_t')
const listChild: (list: Address, index: number) => Address = libduckdb.func(
  'uintptr_t duckdb_get_list_child(uintptr_t, uint64_t)',
)
const destroyOne: (cell: Address) => void = libduckdb.func('void duckdb_destroy_value(uintptr_t)')

/** Create a type. The caller destroys it. */
export const types = {
  plain: c.createType as (id: number) => Address,
  decimal: createType('decimal_type', 'uint8_t, uint8_t'),
  list: createType('list_type', 'uintptr_t'),
  array: createType('array_type', 'uintptr_t, uint64_t'),
  map: createType('map_type', 'uintptr_t, uintptr_t'),
  /** A struct type of members with these names. */
  struct(members: readonly Address[], names: readonly string[]): Address {
    const texts = names.map((name) => Buffer.from(`${name}\0`))
    const list = listOf(members)
    const nameList = listOf(texts.map(addressOf))
    reachable = [texts, list, nameList]
    return structType(addressOf(list), addressOf(nameList), members.length)
  },
}
const structType = createType('struct_type', 'uintptr_t, uintptr_t, uint64_t')

/**
 * Memory that a native call reads must stay reachable meanwhile; a local variable is not enough, see
 * `arrow-schema-reader.ts`.
 */
let reachable: readonly unknown[] = []

/** Destroys a value. */
export function destroyValue(value: Address): void {
  destroy(destroyOne, value)
}

/** Destroys a type. */
export function destroyType(type: Address): void {
  destroy(c.destroyType, type)
}

/** An untyped NULL. */
export function nullValue(): Address {
  return plainNull()
}

/** A typed NULL, taken from a list of that type: the C API has no other way. DuckDB treats an untyped NULL as INTEGER. */
export function typedNull(type: Address): Address {
  const list = makeList(type, [plainNull()])
  const value = listChild(list, 0)
  destroyValue(list)
  return value
}

/** A list. Destroys `members`. */
export function makeList(type: Address, members: readonly Address[]): Address {
  return withMembers(members, (list) => listValue(type, list, members.length))
}

/** A list of fixed length. Destroys `members`. */
export function makeArray(type: Address, members: readonly Address[]): Address {
  return withMembers(members, (list) => arrayValue(type, list, members.length))
}

/** A struct. Destroys `members`. */
export function makeStruct(type: Address, members: readonly Address[]): Address {
  return withMembers(members, (list) => structValue(type, list))
}

/** A map. Destroys `keys` and `members`. */
export function makeMap(type: Address, keys: readonly Address[], members: readonly Address[]): Address {
  return withMembers(keys, (keyList) => withMembers(members, (list) => mapValue(type, keyList, list, keys.length)))
}

function withMembers(members: readonly Address[], make: (list: Address) => Address): Address {
  const list = listOf(members)
  const outer = reachable
  reachable = [outer, list]
  try {
    return make(addressOf(list))
  } finally {
    reachable = outer
    for (const member of members) destroyValue(member)
  }
}

function listOf(addresses: readonly Address[]): BigUint64Array {
  return BigUint64Array.from(addresses.length > 0 ? addresses : [0], BigInt)
}
