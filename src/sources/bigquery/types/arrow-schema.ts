import type { Field } from '../../../arrow/schema.ts'
import { GatewayError } from '../../../query/errors.ts'
import { isRepeated, type Kind, kindOf, type TableField } from './table-field.ts'

/** Metadata that tells types apart that share an Arrow type. */
type Metadata = Field['metadata']

const EXTENSION_NAME = 'ARROW:extension:name'
const EXTENSION_METADATA = 'ARROW:extension:metadata'
const noMetadata: Metadata = []
/** BigQuery allows 15 levels of STRUCTs; the reader of Arrow schemas allows 64. */
const MAX_DEPTH = 60
const NUMERIC = { bits: 128, precision: 38, scale: 9 } as const
const BIGNUMERIC = { bits: 256, precision: 76, scale: 38 } as const

const formats: Readonly<Partial<Record<Kind, string>>> = {
  INT64: 'l',
  FLOAT64: 'g',
  BOOL: 'b',
  STRING: 'u',
  BYTES: 'z',
  DATE: 'tdD',
  DATETIME: 'tsu:',
  TIME: 'ttu',
  TIMESTAMP: 'tsu:UTC',
  GEOGRAPHY: 'u',
  JSON: 'u',
  INTERVAL: 'tin',
  RANGE: '+s',
  STRUCT: '+s',
}

const metadataOf: Readonly<Partial<Record<Kind, Metadata>>> = {
  DATETIME: [[EXTENSION_NAME, 'google:sqlType:datetime']],
  GEOGRAPHY: [
    [EXTENSION_NAME, 'google:sqlType:geography'],
    [EXTENSION_METADATA, '{"encoding": "WKT"}'],
  ],
  JSON: [[EXTENSION_NAME, 'google:sqlType:json']],
  INTERVAL: [[EXTENSION_NAME, 'google:sqlType:interval']],
  RANGE: [['google:sqlType', 'range']],
}

/**
 * The Arrow schema of a result or table, with the types and metadata that the Storage Read API sends. Only arrays, which are
 * never NULL, are announced as not nullable: a column that is declared REQUIRED can hold NULL in a result
 * (https://github.com/googleapis/python-bigquery/issues/1692). A type that the gateway does not know is a text. A TIMESTAMP with 12
 * fractional digits has microseconds, as read sessions send it unless they ask for more (`PicosTimestampPrecision` in
 * google/cloud/bigquery/storage/v1/arrow.proto).
 * Source: https://cloud.google.com/bigquery/docs/reference/storage#arrow_schema_details.
 * @throws GatewayError UPSTREAM_DATA for a schema that is nested too deeply
 */
export function arrowSchemaOf(fields: readonly TableField[]): Field {
  const children = fields.map((field) => arrowFieldOf(field))
  return { name: '', format: '+s', nullable: false, metadata: noMetadata, children }
}

/** The Arrow field of one column. @throws GatewayError as `arrowSchemaOf` */
export function arrowFieldOf(field: TableField, depth = 0): Field {
  if (depth > MAX_DEPTH)
    throw new GatewayError('UPSTREAM_DATA', `BigQuery sent a schema that is nested more than ${MAX_DEPTH} levels deep.`)
  const kind = kindOf(field.type)
  const column = { name: field.name, metadata: metadataOf[kind] ?? noMetadata }
  const format = formatOf(field, kind)
  const children = childrenOf(field, kind, depth)
  if (!isRepeated(field)) return { ...column, format, nullable: true, children }
  // The metadata of the items is on the list.
  const item = { name: 'item', format, nullable: true, metadata: noMetadata, children }
  return { ...column, format: '+l', nullable: false, children: [item] }
}

function formatOf(field: TableField, kind: Kind): string {
  if (kind === 'NUMERIC') return decimalOf(field, NUMERIC)
  if (kind === 'BIGNUMERIC') return decimalOf(field, BIGNUMERIC)
  return formats[kind] ?? 'u'
}

/** A decimal with the declared digits, else with as many as the type has. */
function decimalOf(field: TableField, type: typeof NUMERIC | typeof BIGNUMERIC): string {
  const declared = Number(field.precision ?? 0)
  const isDeclared = Number.isInteger(declared) && declared >= 1 && declared <= type.precision
  const precision = isDeclared ? declared : type.precision
  const declaredScale = Number(field.scale ?? 0)
  const isScale = Number.isInteger(declaredScale) && declaredScale >= 0 && declaredScale <= type.scale
  const scale = isDeclared && isScale ? declaredScale : type.scale
  return type.bits === 128 ? `d:${precision},${scale}` : `d:${precision},${scale},${type.bits}`
}

function childrenOf(field: TableField, kind: Kind, depth: number): Field[] {
  if (kind === 'STRUCT') return (field.fields ?? []).map((child) => arrowFieldOf(child, depth + 1))
  if (kind !== 'RANGE') return []
  const format = formats[kindOf(field.rangeElementType?.type ?? 'DATE')] ?? 'u'
  return ['start', 'end'].map((name) => ({ name, format, nullable: true, metadata: noMetadata, children: [] }))
}
