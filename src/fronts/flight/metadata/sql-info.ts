import { type Data, type Map_, makeData } from 'apache-arrow'
import { SqlInfo } from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import type { Frame } from '../../../arrow/ipc/frame.ts'
import type { SqlInfoValue } from '../../../query/capabilities.ts'
import { buildColumn, encodeColumns } from './encode.ts'
import type { EngineCapabilities } from './engine-capabilities.ts'
import { SqlInfoKind, sqlInfoSchema, sqlInfoValueType } from './schemas.ts'
import { defaultValues, type ServerInfo, type SqlInfoEntry } from './sql-info-defaults.ts'

/**
 * Returns all SqlInfo values in the union types that clients expect. The engine's own SQL properties override the defaults.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html (SqlInfo).
 */
export function sqlInfoValues(capabilities: ServerInfo & EngineCapabilities): Map<number, SqlInfoEntry> {
  const values = defaultValues(capabilities)
  for (const [code, value] of capabilities.sql) {
    const known = values.get(code)
    // Clients expect one union type per code; ignore a value with another type.
    if (known && !gatewayCodes.has(code) && known[0] === kindOf(value)) values.set(code, [known[0], value])
  }
  return values
}

/** Codes from 500 that the gateway decides, not the engine. */
const gatewayCodes: ReadonlySet<number> = new Set([
  SqlInfo.SQL_DDL_CATALOG,
  SqlInfo.SQL_DDL_SCHEMA,
  SqlInfo.SQL_DDL_TABLE,
  SqlInfo.SQL_MAX_STATEMENT_LENGTH,
  SqlInfo.SQL_MAX_CONNECTIONS,
  SqlInfo.SQL_TRANSACTIONS_SUPPORTED,
  SqlInfo.SQL_SAVEPOINTS_SUPPORTED,
  SqlInfo.SQL_BATCH_UPDATES_SUPPORTED,
])

function kindOf(value: SqlInfoValue): SqlInfoKind {
  if (Array.isArray(value)) return SqlInfoKind.textList
  switch (typeof value) {
    case 'string':
      return SqlInfoKind.text
    case 'boolean':
      return SqlInfoKind.flag
    case 'bigint':
      return SqlInfoKind.bigint
    case 'number':
      return SqlInfoKind.bitmask
    default:
      return SqlInfoKind.listMap
  }
}

/** Encodes the requested SqlInfo values as frames; an empty list requests all. Omits unknown codes. */
export function sqlInfoFrames(capabilities: ServerInfo & EngineCapabilities, asked: readonly number[]): Frame[] {
  const all = sqlInfoValues(capabilities)
  const wanted = asked.length === 0 ? [...all.keys()] : asked.filter((code) => all.has(code))
  const values = wanted.map((code) => all.get(code)!)
  const typeIds = new Int8Array(values.length)
  const valueOffsets = new Int32Array(values.length)
  const members: unknown[][] = sqlInfoValueType.children.map(() => [])
  for (const [i, [kind, value]] of values.entries()) {
    typeIds[i] = kind
    valueOffsets[i] = members[kind]!.push(value) - 1
  }
  const children = sqlInfoValueType.children.map((child, kind) =>
    kind === SqlInfoKind.listMap
      ? mapColumn(child.type as Map_, members[kind] as Map<number, readonly number[]>[])
      : buildColumn(child.type, members[kind]!),
  )
  const union = makeData({
    type: sqlInfoValueType,
    length: values.length,
    nullCount: 0,
    typeIds,
    valueOffsets,
    children,
  } as never)
  const codes = buildColumn(sqlInfoSchema.fields[0]!.type, wanted)
  return encodeColumns(sqlInfoSchema, [codes, union as Data], values.length)
}

function mapColumn(type: Map_, maps: readonly Map<number, readonly number[]>[]): Data {
  const entries = type.children[0]!.type
  const keys = maps.flatMap((map) => [...map.keys()])
  const lists = maps.flatMap((map) => [...map.values()])
  const pairs = makeData({
    type: entries,
    length: keys.length,
    nullCount: 0,
    children: [buildColumn(entries.children[0]!.type, keys), buildColumn(entries.children[1]!.type, lists)],
  } as never)
  const valueOffsets = new Int32Array(maps.length + 1)
  for (const [i, map] of maps.entries()) valueOffsets[i + 1] = valueOffsets[i]! + map.size
  return makeData({ type, length: maps.length, nullCount: 0, valueOffsets, child: pairs } as never) as Data
}
