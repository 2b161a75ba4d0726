import { ArrowError } from '../../../arrow/errors.ts'
import { decodeSchema, type Field } from '../../../arrow/schema.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'

/** Schemas with more columns are not compared: the kinds of the columns travel in tickets, one character each. */
const MAX_COLUMNS = 10_000
const ANY = '?'

/** The kinds of types that a server must not change between the announced schema and the result. */
const kinds: readonly (readonly [format: RegExp, kind: string, name: string])[] = [
  [/^[cCsSiIlL]$/, 'i', 'an integer'],
  [/^[efg]$/, 'f', 'a floating-point number'],
  [/^d:/, 'd', 'a decimal'],
  [/^(u|U|vu)$/, 't', 'text'],
  [/^(z|Z|vz|w:\d+)$/, 'b', 'binary'],
  [/^b$/, 'o', 'a boolean'],
  [/^td/, 'D', 'a date'],
  [/^tt/, 'h', 'a time'],
  [/^ts/, 'm', 'a timestamp'],
  [/^(tD|ti)/, 'v', 'a duration or interval'],
  // Some servers send a map as a list of entries.
  [/^\+(l|L|vl|vL|w:\d+|m)$/, 'l', 'a list or map'],
  [/^\+s$/, 's', 'a struct'],
  [/^\+u/, 'u', 'a union'],
]

/**
 * The kinds of a schema's columns, one character each, to compare with the result that the server sends later. Sizes,
 * dictionaries and views do not count, because servers change them between announcement and result.
 * @param schema bare flatbuffer `Message`
 * @returns undefined when there is nothing to compare: no columns, more than `MAX_COLUMNS`, or a schema with unknown parts
 */
export function kindsOf(schema: Uint8Array): string | undefined {
  const fields = fieldsOf(schema)
  return fields && fields.length > 0 && fields.length <= MAX_COLUMNS ? fields.map(kindOf).join('') : undefined
}

/**
 * Checks the schema of a result against the announced one.
 * @param announced `kindsOf` the announced schema
 * @param schema of the result, a bare flatbuffer `Message`
 * @throws GrpcFailure DATA_LOSS that names the first column that differs
 */
export function checkAnnounced(announced: string, schema: Uint8Array): void {
  const fields = fieldsOf(schema)
  if (!fields) return
  if (fields.length !== announced.length) {
    const said = `the result has ${fields.length} columns, not the ${announced.length} that the server announced`
    throw new GrpcFailure('DATA_LOSS', `${said}: run the statement again`, 'local')
  }
  for (const [i, field] of fields.entries()) {
    const [wanted, given] = [announced[i]!, kindOf(field)]
    if (wanted === given || wanted === ANY || given === ANY) continue
    const column = `column ${i + 1} "${field.name.slice(0, 100)}" of the result`
    const said = `${column} is ${nameOf(given)}, not ${nameOf(wanted)} as the server announced`
    throw new GrpcFailure('DATA_LOSS', `${said}: run the statement again`, 'local')
  }
}

function fieldsOf(schema: Uint8Array): readonly Field[] | undefined {
  if (schema.byteLength === 0) return undefined
  try {
    return decodeSchema(schema).children
  } catch (error) {
    // A schema that this decoder does not know passes.
    if (error instanceof ArrowError) return undefined
    throw error
  }
}

/** The kind of a field. Columns of type null match any kind, because values may give them any type. */
function kindOf(field: Field): string {
  const { format, children } = field.dictionary ?? field
  if (format === '+r') return children[1] ? kindOf(children[1]) : ANY
  return kinds.find(([pattern]) => pattern.test(format))?.[1] ?? ANY
}

function nameOf(kind: string): string {
  return kinds.find(([, each]) => each === kind)![2]
}
