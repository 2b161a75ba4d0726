import type { Field } from '../../../arrow/schema.ts'
import { integers } from '../../../arrow/schema.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { ParameterType } from '../rest/api.ts'

const MAX_NUMERIC = { whole: 29, scale: 9 } as const
const MAX_DEPTH = 15

const simple: Readonly<Record<string, string>> = {
  b: 'BOOL',
  e: 'FLOAT64',
  f: 'FLOAT64',
  g: 'FLOAT64',
  u: 'STRING',
  U: 'STRING',
  vu: 'STRING',
  z: 'BYTES',
  Z: 'BYTES',
  vz: 'BYTES',
  tdD: 'DATE',
  tdm: 'DATE',
  tiM: 'INTERVAL',
  tiD: 'INTERVAL',
  tin: 'INTERVAL',
}
const extensions: Readonly<Record<string, string>> = {
  'google:sqlType:json': 'JSON',
  'google:sqlType:geography': 'GEOGRAPHY',
  'arrow.json': 'JSON',
  'arrow.uuid': 'STRING',
  'arrow.bool8': 'BOOL',
}
const lists = new Set(['+l', '+L', '+vl', '+vL'])

/**
 * The type of BigQuery that values of an Arrow type have.
 * @returns undefined for a column that only holds NULL
 * @throws GatewayError UNSUPPORTED_TYPE
 */
export function parameterTypeOf(field: Field, depth = 0): ParameterType | undefined {
  const { format, children, dictionary, metadata } = field
  if (depth > MAX_DEPTH) throw unsupported(field, 'is nested too deeply')
  if (dictionary) return parameterTypeOf({ ...dictionary, name: field.name, metadata }, depth)
  const extension = metadata.find(([key]) => key === 'ARROW:extension:name')?.[1]
  if (extension !== undefined && Object.hasOwn(extensions, extension) && children.length === 0)
    return { type: extensions[extension]! }
  if (format === 'n') return undefined
  if (integers[format]) return { type: 'INT64' }
  if (simple[format] !== undefined) return { type: simple[format] }
  if (format.startsWith('w:')) return { type: 'BYTES' }
  if (format.startsWith('d:')) return { type: decimalType(format) }
  if (format.startsWith('tt')) return { type: 'TIME' }
  if (format.startsWith('ts')) return { type: format.length > 4 ? 'TIMESTAMP' : 'DATETIME' }
  if (format.startsWith('tD')) return { type: 'INTERVAL' }
  if (format === '+r') return parameterTypeOf(children[1]!, depth)
  if (format === '+m') return arrayOf(field, structOf(children[0]!, depth))
  if (lists.has(format) || format.startsWith('+w:')) return arrayOf(field, parameterTypeOf(children[0]!, depth + 1))
  if (format === '+s') {
    const isRange = metadata.some(([key, value]) => key === 'google:sqlType' && value === 'range')
    const element = isRange && children[0] ? parameterTypeOf(children[0], depth + 1) : undefined
    return element ? { type: 'RANGE', rangeElementType: element } : structOf(field, depth)
  }
  throw unsupported(field, `has the Arrow type ${format}`)
}

function structOf({ children }: Field, depth: number): ParameterType {
  return {
    type: 'STRUCT',
    structTypes: children.map((child) => ({
      name: child.name,
      type: parameterTypeOf(child, depth + 1) ?? untyped,
    })),
  }
}

/** BigQuery's own type of an untyped NULL. */
export const untyped: ParameterType = { type: 'INT64' }

function arrayOf(field: Field, items: ParameterType | undefined): ParameterType {
  if (items?.type === 'ARRAY') throw unsupported(field, 'is an ARRAY of ARRAYs, which BigQuery does not have')
  return { type: 'ARRAY', arrayType: items ?? untyped }
}

function decimalType(format: string): string {
  const [precision, scale] = format.slice(2).split(',').map(Number)
  const isNumeric = scale! <= MAX_NUMERIC.scale && precision! - scale! <= MAX_NUMERIC.whole
  return isNumeric ? 'NUMERIC' : 'BIGNUMERIC'
}

function unsupported({ name }: Field, what: string): GatewayError {
  return new GatewayError('UNSUPPORTED_TYPE', `The parameter "${name}" ${what} and cannot be bound: cast it first.`)
}
