import { SchemaAssembler } from '../../../arrow/schema-assembler.ts'
import { type ColumnPart, encodeColumnPart, encodeCommonPart, type Pair } from '../../../arrow/schema-parts.ts'
import { LoopTurn } from '../../../async/loop-turn.ts'
import type { TableEntry } from '../../../query/catalog.ts'
import { arrowFieldOf } from '../types/arrow-schema.ts'
import { isRepeated, type Kind, kindOf, type TableField } from '../types/table-field.ts'
import { typeName } from './type-name.ts'

const PREFIX = 'ARROW:FLIGHT:SQL:'

/** Indices of the metadata that the columns of a table share; the first has the table's name. */
const Common = { tableName: 0, catalogName: 1, dbSchemaName: 2, schemaName: 3, isReadOnly: 4, isSearchable: 5 } as const
const commonKeys = ['TABLE_NAME', 'CATALOG_NAME', 'DB_SCHEMA_NAME', 'SCHEMA_NAME', 'IS_READ_ONLY', 'IS_SEARCHABLE']

/** Decimal digits of the types that have a fixed number of them; bits for FLOAT64, as other sources tell them. */
const digits: Readonly<Partial<Record<Kind, readonly [precision: number, scale?: number]>>> = {
  INT64: [19, 0],
  FLOAT64: [53],
  NUMERIC: [38, 9],
  BIGNUMERIC: [76, 38],
}

/**
 * The schema of a table as a bare flatbuffer `Message`, with the column metadata of Flight SQL. It tells the declared
 * nullability, since tools show it; results announce every column as nullable.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html; arrow-go reads SCHEMA_NAME where the page says DB_SCHEMA_NAME.
 * @param isReadOnly whether statements cannot change the table
 */
export async function tableSchemaMessage(
  entry: TableEntry,
  fields: readonly TableField[],
  isReadOnly: boolean,
): Promise<Uint8Array> {
  const { catalog, schema, table } = entry
  const values = [catalog, schema, schema, isReadOnly ? '1' : '0', '1']
  const common = encodeCommonPart(
    PREFIX + commonKeys[0]!,
    values.map((value, i) => [PREFIX + commonKeys[i + 1]!, value]),
  )
  const assembler = new SchemaAssembler()
  const loopTurn = new LoopTurn()
  const parts = new Map<string, ColumnPart>()
  for (const field of fields) {
    const pause = loopTurn.next()
    if (pause) await pause
    const key = JSON.stringify({ ...field, name: '', mode: isRepeated(field) })
    const part = parts.get(key) ?? columnPart(field)
    parts.set(key, part)
    const name = Buffer.from(field.name)
    assembler.add(part, field.mode?.toUpperCase() !== 'REQUIRED', name, 0, name.byteLength)
  }
  return assembler.finish(common, Buffer.from(table))
}

function columnPart(field: TableField): ColumnPart {
  const { metadata, ...arrow } = arrowFieldOf(field)
  const own: Pair[] = [['TYPE_NAME', typeName(field)], ...digitsOf(field)]
  const isText = kindOf(field.type) === 'STRING' && !isRepeated(field)
  own.push(['IS_CASE_SENSITIVE', isText ? '1' : '0'], ['IS_AUTO_INCREMENT', '0'])
  if (field.description) own.push(['REMARKS', field.description])
  return encodeColumnPart({ ...arrow, metadata }, [
    ...metadata,
    Common.catalogName,
    Common.dbSchemaName,
    Common.schemaName,
    Common.tableName,
    Common.isReadOnly,
    Common.isSearchable,
    ...own.map(([key, value]): Pair => [PREFIX + key, value]),
  ])
}

function digitsOf(field: TableField): Pair[] {
  const kind = kindOf(field.type)
  if (isRepeated(field)) return []
  if (kind === 'STRING' || kind === 'BYTES')
    return Number(field.maxLength ?? 0) > 0 ? [['PRECISION', String(field.maxLength)]] : []
  const known = digits[kind]
  if (!known) return []
  const isDeclared = Number(field.precision ?? 0) > 0
  const precision = isDeclared ? Number(field.precision) : known[0]
  const scale = isDeclared ? Number(field.scale ?? 0) : known[1]
  return [['PRECISION', String(precision)], ...(scale === undefined ? [] : ([['SCALE', String(scale)]] as Pair[]))]
}
