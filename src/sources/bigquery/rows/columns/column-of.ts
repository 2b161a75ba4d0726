import { arrowFieldOf } from '../../types/arrow-schema.ts'
import { isRepeated, type Kind, kindOf, type TableField } from '../../types/table-field.ts'
import { writeDate } from '../values/dates.ts'
import { decimalWriter } from '../values/decimals.ts'
import { writeFloat64 } from '../values/floats.ts'
import { writeInt64 } from '../values/int64.ts'
import { writeInterval } from '../values/intervals.ts'
import { writeDateTime, writeTime, writeTimestamp } from '../values/times.ts'
import type { Column, ScalarColumn } from './column.ts'
import { BoolColumn, FixedColumn } from './fixed-column.ts'
import { ListColumn, type NamedColumn, RangeColumn, StructColumn } from './nested-columns.ts'
import { BytesColumn, TextColumn } from './text-column.ts'

const MAX_DECIMAL_256_DIGITS = 76

/** Columns with the layout of `arrowSchemaOf`. */
export function columnsOf(fields: readonly TableField[]): NamedColumn[] {
  return fields.map((field) => ({ name: field.name, column: columnOf(field) }))
}

function columnOf(field: TableField): Column {
  if (isRepeated(field)) return new ListColumn(columnOf({ ...field, mode: 'NULLABLE' }))
  const kind = kindOf(field.type)
  if (kind === 'STRUCT') return new StructColumn(columnsOf(field.fields ?? []))
  if (kind !== 'RANGE') return scalarOf(kind, arrowFieldOf(field).format)
  const bound = kindOf(field.rangeElementType?.type ?? 'DATE')
  const [start, end] = arrowFieldOf(field).children
  return new RangeColumn(scalarOf(bound, start!.format), scalarOf(bound, end!.format))
}

/** @param format format string of the Arrow type, which tells what the kind leaves open */
function scalarOf(kind: Kind, format: string): ScalarColumn {
  switch (kind) {
    case 'INT64':
      return new FixedColumn(2, writeInt64)
    case 'FLOAT64':
      return new FixedColumn(2, writeFloat64)
    case 'BOOL':
      return new BoolColumn()
    case 'BYTES':
      return new BytesColumn()
    case 'DATE':
      return new FixedColumn(1, writeDate)
    case 'DATETIME':
      return new FixedColumn(2, writeDateTime)
    case 'TIME':
      return new FixedColumn(2, writeTime)
    case 'TIMESTAMP':
      return new FixedColumn(2, writeTimestamp)
    case 'NUMERIC':
    case 'BIGNUMERIC': {
      const [precision, scale, bits = 128] = format.slice(2).split(',').map(Number)
      if (bits === 128) return new FixedColumn(4, decimalWriter(precision!, scale!, 128))
      // Without declared digits the bits are the limit: the greatest BIGNUMERIC has 77 digits.
      const digits = precision === MAX_DECIMAL_256_DIGITS ? Number.POSITIVE_INFINITY : precision!
      return new FixedColumn(8, decimalWriter(digits, scale!, 256))
    }
    case 'INTERVAL':
      return new FixedColumn(4, writeInterval)
    default:
      return new TextColumn()
  }
}
