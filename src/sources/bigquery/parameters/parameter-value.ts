import type { Field } from '../../../arrow/schema.ts'
import { uniqueNames } from '../../../arrow/text/unique-names.ts'
import type { ParameterType } from '../rest/api.ts'
import { castText, checkNumber, type TypedText, trimDecimal } from './cast-text.ts'
import { intervalText } from './interval-text.ts'
import { parameterTypeOf, untyped } from './parameter-type.ts'
import { type ParameterValue, type QueryParameter, UnfitParameter } from './query-parameter.ts'

/** A value as the gateway writes it in JSON: numbers that are no doubles, times and bytes are texts. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue }

const nothing: ParameterValue = { value: null }
const momentText = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z?$/
const dateText = /^(\d{4}-\d\d-\d\d)/
const timeText = /^((?:[01]\d|2[0-3]):\d\d:\d\d)(\.\d+)?$/
/** BigQuery's times have microseconds. */
const FRACTION_LENGTH = 7

/**
 * The parameter of a value.
 * @param field of its column
 * @param expected type that the statement expects, if known
 * @throws UnfitParameter; GatewayError UNSUPPORTED_TYPE
 */
export function parameterOf(field: Field, value: JsonValue, expected: ParameterType | undefined): QueryParameter {
  const type = parameterTypeOf(field)
  if (!type) return { parameterType: expected ?? untyped, parameterValue: nullOf(expected ?? untyped) }
  if (type.type === 'ARRAY' || type.type === 'STRUCT' || type.type === 'RANGE') {
    const target = expected?.type === type.type ? merged(type, expected) : type
    return { parameterType: target, parameterValue: innerValue(field, type, target, value) }
  }
  if (value === null) return { parameterType: nullType(type, expected), parameterValue: nothing }
  const { type: name, text } = scalarOf(type.type, value, expected?.type)
  return { parameterType: { type: name }, parameterValue: { value: text } }
}

/** The type of a NULL: the expected one, if that is a scalar, since NULL has no value to convert. */
function nullType(type: ParameterType, expected: ParameterType | undefined): ParameterType {
  return expected && expected.type !== 'ARRAY' && expected.type !== 'STRUCT' ? expected : type
}

function nullOf({ type }: ParameterType): ParameterValue {
  return type === 'ARRAY' ? { arrayValues: [] } : nothing
}

/** The expected type with the names of the members that the client gave, if both have the same form. */
function merged(type: ParameterType, expected: ParameterType): ParameterType {
  if (type.type !== expected.type) {
    const isNested = (name: string) => name === 'ARRAY' || name === 'STRUCT' || name === 'RANGE'
    return isNested(type.type) || isNested(expected.type) ? type : expected
  }
  if (type.arrayType && expected.arrayType)
    return { type: type.type, arrayType: merged(type.arrayType, expected.arrayType) }
  if (type.rangeElementType && expected.rangeElementType)
    return { type: type.type, rangeElementType: merged(type.rangeElementType, expected.rangeElementType) }
  const { structTypes } = expected
  if (!type.structTypes || structTypes?.length !== type.structTypes.length) return type
  return {
    type: type.type,
    structTypes: type.structTypes.map((member, i) => ({ ...member, type: merged(member.type, structTypes[i]!.type) })),
  }
}

/** A value within a parameter, whose type cannot differ from one value to the next. */
function innerValue(field: Field, type: ParameterType, target: ParameterType, value: JsonValue): ParameterValue {
  if (value === null) return nullOf(target)
  switch (type.type) {
    case 'ARRAY': {
      const arrayType = type.arrayType!
      const item = itemOf(field)
      return {
        arrayValues: (value as readonly JsonValue[]).map((each) =>
          innerValue(item, arrayType, target.arrayType!, pairOf(field, item, each)),
        ),
      }
    }
    case 'RANGE': {
      const { start, end } = value as { readonly start: JsonValue; readonly end: JsonValue }
      const [element, targetElement] = [type.rangeElementType!, target.rangeElementType!]
      const bound = (each: JsonValue | undefined) =>
        innerValue(field.children[0]!, element, targetElement, each ?? null)
      return { rangeValue: { start: bound(start), end: bound(end) } }
    }
    case 'STRUCT': {
      const { children } = valueField(field)
      const members = value as { readonly [name: string]: JsonValue }
      const names = uniqueNames(children.map(({ name }) => name))
      const structValues: [string, ParameterValue][] = children.map((child, i) => [
        child.name,
        innerValue(child, type.structTypes![i]!.type, target.structTypes![i]!.type, members[names[i]!] ?? null),
      ])
      if (new Set(children.map(({ name }) => name)).size < children.length)
        throw new UnfitParameter('is a STRUCT with two members of one name')
      return { structValues: Object.fromEntries(structValues) }
    }
  }
  const cast = scalarOf(type.type, value, target.type)
  if (cast.type !== target.type) throw new UnfitParameter(`is of the type ${type.type}, not ${target.type}`)
  return { value: cast.text }
}

const valueField = (field: Field): Field => field.dictionary ?? (field.format === '+r' ? field.children[1]! : field)

function itemOf(field: Field): Field {
  return valueField(field).children[0]!
}

/** An entry of a map is a list of key and value; BigQuery has a STRUCT for it. */
function pairOf(field: Field, item: Field, value: JsonValue): JsonValue {
  if (valueField(field).format !== '+m' || !Array.isArray(value)) return value
  const [key, member] = item.children
  return { [key!.name]: value[0] as JsonValue, [member!.name]: value[1] as JsonValue }
}

function scalarOf(type: string, value: JsonValue, expected = type): TypedText {
  const scalar = castText({ type, text: scalarText(type, value) }, expected)
  checkNumber(scalar)
  return scalar
}

/** The text of a scalar as BigQuery reads it. @throws UnfitParameter */
function scalarText(type: string, value: JsonValue): string {
  const text = Object.is(value, -0) ? '-0.0' : String(value)
  switch (type) {
    case 'NUMERIC':
    case 'BIGNUMERIC':
      return trimDecimal(text)
    case 'DATE':
      return matched(dateText, text)[1]!
    case 'DATETIME':
      return momentOf(text)
    case 'TIMESTAMP':
      return `${momentOf(text)}+00:00`
    case 'TIME': {
      const [, clock, fraction = ''] = matched(timeText, text)
      return clock + fraction.slice(0, FRACTION_LENGTH)
    }
    case 'INTERVAL':
      return intervalText(text)
    default:
      return text
  }
}

function momentOf(text: string): string {
  const [, seconds, fraction = ''] = matched(momentText, text)
  return seconds! + fraction.slice(0, FRACTION_LENGTH)
}

/** @throws UnfitParameter also for years outside of 1 to 9999 */
function matched(pattern: RegExp, text: string): RegExpExecArray {
  const match = pattern.exec(text)
  if (!match || text.startsWith('0000')) throw new UnfitParameter('is beyond what BigQuery can hold')
  return match
}
