import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Field,
  Float64,
  Int64,
  IntervalMonthDayNano,
  List,
  Schema,
  Struct,
  TimeMicrosecond,
  TimestampMicrosecond,
  Utf8,
} from 'apache-arrow'
import type { FieldSchema } from '../schema.ts'

/** The Arrow schema of columns as the Storage API sends it; source: BigQuery's page on the Storage Read API, "Arrow schema details". */
export function arrowSchema(fields: readonly FieldSchema[]): Schema {
  return new Schema(fields.map(arrowField))
}

function arrowField(field: FieldSchema): Field {
  const { name, mode } = field
  if (mode === 'REPEATED')
    return new Field(name, new List(arrowField({ ...field, name: 'item', mode: 'NULLABLE' })), false)
  return new Field(name, arrowType(field), mode !== 'REQUIRED', metadataOf(field))
}

function arrowType(field: FieldSchema): DataType {
  switch (field.type) {
    case 'BOOLEAN':
      return new Bool()
    case 'INTEGER':
      return new Int64()
    case 'FLOAT':
      return new Float64()
    case 'BYTES':
      return new Binary()
    case 'DATE':
      return new DateDay()
    case 'DATETIME':
      return new TimestampMicrosecond()
    case 'TIMESTAMP':
      return new TimestampMicrosecond('UTC')
    case 'TIME':
      return new TimeMicrosecond()
    case 'NUMERIC':
      return new Decimal(9, 38, 128)
    case 'BIGNUMERIC':
      return new Decimal(38, 76, 256)
    case 'INTERVAL':
      return new IntervalMonthDayNano()
    case 'RANGE': {
      const type = arrowType({ ...field, type: field.rangeElementType!.type })
      const metadata = metadataOf({ ...field, type: field.rangeElementType!.type })
      return new Struct([new Field('start', type, true, metadata), new Field('end', type, true, metadata)])
    }
    case 'RECORD':
      return new Struct(field.fields!.map(arrowField))
    default:
      return new Utf8()
  }
}

function metadataOf({ type }: FieldSchema): Map<string, string> {
  if (type === 'DATETIME') return new Map([['ARROW:extension:name', 'google:sqlType:datetime']])
  if (type === 'JSON') return new Map([['ARROW:extension:name', 'google:sqlType:json']])
  if (type !== 'GEOGRAPHY') return new Map()
  return new Map([
    ['ARROW:extension:name', 'google:sqlType:geography'],
    ['ARROW:extension:metadata', '{"encoding": "WKT"}'],
  ])
}
