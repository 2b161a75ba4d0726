import type { ParameterType } from '../rest/api.ts'

/**
 * The value of a parameter; `value` is null for NULL.
 * Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/QueryParameter.
 */
export interface ParameterValue {
  readonly value?: string | null
  readonly arrayValues?: readonly ParameterValue[]
  readonly structValues?: Readonly<Record<string, ParameterValue>>
  readonly rangeValue?: { readonly start: ParameterValue; readonly end: ParameterValue }
}

/** A parameter of a statement, named or by its position. */
export interface QueryParameter {
  readonly name?: string
  readonly parameterType: ParameterType
  readonly parameterValue: ParameterValue
}

/** A value that BigQuery cannot take; `readParameters` adds row and column. */
export class UnfitParameter extends Error {
  override readonly name = 'UnfitParameter'
}
