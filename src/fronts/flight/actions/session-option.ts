import {
  SetSessionOptionsResult_ErrorValue as ErrorValue,
  type SessionOptionValue,
  type SetSessionOptionsResult_Error,
} from '../../../../gen/arrow/flight/protocol/Flight.ts'
import type { StoredSession } from '../../../statements/sessions.ts'

/** The value of a session option; undefined removes the option. */
export type OptionValue = SessionOptionValue['optionValue']

/** What a value changes in the session, or why it is refused. */
export type CheckedOption =
  | { readonly set: StoredSession }
  | { readonly unset: keyof StoredSession }
  | { readonly change: (session: StoredSession) => StoredSession }
  | { readonly error: SetSessionOptionsResult_Error['value'] }

/** The value does not have the form of its option. */
export const wrongValue: CheckedOption = { error: ErrorValue.INVALID_VALUE }

/** The number in a value; undefined for a text. */
export function numberOf(value: NonNullable<OptionValue>): number | undefined {
  return value.$case === 'int64Value' || value.$case === 'doubleValue' ? Number(value.value) : undefined
}

/** The message of a text. */
export function textValue(value: string): SessionOptionValue {
  return { optionValue: { $case: 'stringValue', value } }
}

/** The message of a whole number. */
export function wholeValue(value: number): SessionOptionValue {
  return { optionValue: { $case: 'int64Value', value: BigInt(value) } }
}
