import { ArrowError } from '../../../arrow/errors.ts'
import { decodeSchema, type Field } from '../../../arrow/schema.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'

const MAX_NAME_LENGTH = 100

/** Names of types by format string. Types that are missing here go by their format string. */
const names: Readonly<Record<string, string>> = {
  n: 'null',
  b: 'bool',
  c: 'int8',
  C: 'uint8',
  s: 'int16',
  S: 'uint16',
  i: 'int32',
  I: 'uint32',
  l: 'int64',
  L: 'uint64',
  e: 'float16',
  f: 'float32',
  g: 'float64',
  u: 'utf8',
  U: 'large_utf8',
  vu: 'utf8_view',
  z: 'binary',
  Z: 'large_binary',
  vz: 'binary_view',
  tdD: 'date32',
  tdm: 'date64',
  '+l': 'list',
  '+L': 'large_list',
  '+vl': 'list_view',
  '+vL': 'large_list_view',
  '+s': 'struct',
  '+m': 'map',
  '+r': 'run_end_encoded',
}

/**
 * Checks that the schema of the first part fits the batches of a further part: the same types in the same order, with the same
 * dictionary ids. Names, nullability and metadata may differ.
 * @param first bare flatbuffer `Message`, as `part`
 * @throws GrpcFailure DATA_LOSS that names the first column that differs
 */
export function checkSameTypes(first: Uint8Array, part: Uint8Array): void {
  const difference = differenceOf(first, part)
  if (difference === undefined) return
  const said = `a part of the result has another schema than the first: ${difference}`
  throw new GrpcFailure('DATA_LOSS', said, 'local')
}

/** Describes the first difference between the types of two schemas; undefined if there is none. */
function differenceOf(expected: Uint8Array, actual: Uint8Array): string | undefined {
  if (Buffer.compare(expected, actual) === 0) return undefined
  try {
    return differenceOfFields(decodeSchema(expected), decodeSchema(actual))
  } catch (error) {
    if (error instanceof ArrowError) return error.message
    throw error
  }
}

function differenceOfFields(expected: Field, actual: Field): string | undefined {
  if (expected.children.length !== actual.children.length)
    return `it has ${actual.children.length} columns, not ${expected.children.length}`
  const at = actual.children.findIndex((child, i) => !areAlike(expected.children[i]!, child))
  if (at < 0) return undefined
  const [wanted, given] = [typeName(expected.children[at]!), typeName(actual.children[at]!)]
  const types = wanted === given ? `another ${given}` : `${given}, not ${wanted}`
  return `${columnName(actual, at)} is ${types}`
}

/** A column for an error message: its number from 1, and its name. */
function columnName({ children }: Field, at: number): string {
  const { name } = children[at]!
  return `column ${at + 1} "${name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}...` : name}"`
}

function areAlike(a: Field, b: Field): boolean {
  if (a.format !== b.format || a.children.length !== b.children.length) return false
  if (!a.children.every((child, i) => areAlike(child, b.children[i]!))) return false
  if (!a.dictionary || !b.dictionary) return a.dictionary === b.dictionary
  // Dictionary batches refer to their column by dictionary id.
  return a.dictionaryId === b.dictionaryId && areAlike(a.dictionary, b.dictionary)
}

function typeName({ format, dictionary }: Field): string {
  const name = names[format] ?? format
  return dictionary ? `a dictionary of ${typeName(dictionary)} by ${name}` : name
}
