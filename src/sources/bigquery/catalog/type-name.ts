import { isRepeated, kindOf, type TableField } from '../types/table-field.ts'

/** Longer types of STRUCTs are named without their fields, in characters. */
const MAX_CHARACTERS = 10_000

/** The type of a column as a statement writes it, such as `NUMERIC(10, 2)` or `ARRAY<STRUCT<a INT64, b STRING>>`. */
export function typeName(field: TableField): string {
  const name = nameOf(field)
  return isRepeated(field) ? `ARRAY<${name}>` : name
}

function nameOf(field: TableField): string {
  const kind = kindOf(field.type)
  switch (kind) {
    case 'STRUCT': {
      const name = `STRUCT<${(field.fields ?? []).map((child) => `${child.name} ${typeName(child)}`).join(', ')}>`
      return name.length > MAX_CHARACTERS ? kind : name
    }
    case 'RANGE':
      return `RANGE<${field.rangeElementType?.type ?? 'DATE'}>`
    case 'NUMERIC':
    case 'BIGNUMERIC':
      return withParameters(kind, field.precision, field.scale)
    case 'STRING':
    case 'BYTES':
      return withParameters(kind, field.maxLength)
    case 'OTHER':
      return field.type.toUpperCase()
    default:
      return kind
  }
}

function withParameters(name: string, ...parameters: readonly (string | number | undefined)[]): string {
  const given = parameters.filter((each) => each !== undefined && Number(each) > 0)
  return given.length > 0 ? `${name}(${given.join(', ')})` : name
}
