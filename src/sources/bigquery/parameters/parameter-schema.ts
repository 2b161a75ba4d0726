import type { Field } from '../../../arrow/schema.ts'
import type { ParameterType, UndeclaredParameter } from '../rest/api.ts'
import { arrowSchemaOf } from '../types/arrow-schema.ts'
import type { TableField } from '../types/table-field.ts'

/**
 * The schema of the parameters that a dry run has found, as clients get it: named parameters by their names, others by their
 * number from 1.
 * Source: `undeclaredQueryParameters`, https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobStatistics2.
 */
export function parameterSchemaOf(parameters: readonly UndeclaredParameter[]): Field {
  const fields = parameters.map(({ name, parameterType }, i) =>
    tableFieldOf(name || String(i + 1), parameterType ?? { type: 'STRING' }),
  )
  return arrowSchemaOf(fields)
}

/**
 * Named parameters in the order in which the statement first names them, in which columns without names of their own are bound.
 * BigQuery does not say in which order it tells them.
 */
export function inTextOrder(
  parameters: readonly UndeclaredParameter[],
  names: readonly string[],
): readonly UndeclaredParameter[] {
  const order = new Map(names.map((name, at) => [name.toLowerCase(), at]))
  const positionOf = ({ name = '' }: UndeclaredParameter) => order.get(name.toLowerCase()) ?? names.length
  return parameters.toSorted((a, b) => positionOf(a) - positionOf(b))
}

function tableFieldOf(name: string, { type, arrayType, structTypes, rangeElementType }: ParameterType): TableField {
  if (arrayType) return { ...tableFieldOf(name, arrayType), mode: 'REPEATED' }
  return {
    name,
    type,
    ...(structTypes && { fields: structTypes.map((member) => tableFieldOf(member.name ?? '', member.type)) }),
    ...(rangeElementType && { rangeElementType: { type: rangeElementType.type } }),
  }
}
