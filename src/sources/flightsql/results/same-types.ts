import { ArrowError } from '../../../arrow/errors.ts'
import { decodeSchema, type Field } from '../../../arrow/schema.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'

const MAX_NAME_LENGTH = 100

/** Names of types by their format, where the format says little; the others are named by it. */
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
 * Checks that batches of a part of a result can be read by the schema of the first part: the same types in the same order, with
 * the same dictionaries. Names, what may be null and metadata may differ.
 * @param first bare flatbuffer `Message`, as `part`
 * @throws GrpcFailure DATA_LOSS that names the first column that differs
 */
export function checkSameTypes(first: Uint8Array, part: Uint8Array): void {
  const difference = differenceOf(first, part)
  if (difference === undefined) return
  const said = `a part of the result has another schema than the first: ${difference}`
  throw new GrpcFailure('DATA_LOSS', said, 'local')
}

/** Says where the types of two schemas differ; undefined where they do not. */
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

/** A column for a sentence: its number from 1, and its name. */
function columnName({ children }: Field, at: number): string {
  const { name } = children[at]!
  return `column ${at + 1} "${name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}...` : name}"`
}

function areAlike(a: Field, b: Field): boolean {
  if (a.format !== b.format || a.children.length !== b.children.length) return false
  if (!a.children.every((child, i) => areAlike(child, b.children[i]!))) return false
  if (!a.dictionary || !b.dictionary) return a.dictionary === b.dictionary
  // Dictionary batches name the column that they are for by its id.
  return a.dictionaryId === b.dictionaryId && areAlike(a.dictionary, b.dictionary)
}

function typeName({ format, dictionary }: Field): string {
  const name = names[format] ?? format
  return dictionary ? `a dictionary of ${typeName(dictionary)} by ${name}` : name
}
