import { ArrowError } from '../../arrow/errors.ts'
import { readColumnCount } from '../../arrow/ipc/header.ts'
import { readStream } from '../../arrow/ipc/ipc.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Plan } from '../../query/types.ts'

/**
 * Checks that a planned statement gets as many parameters as it has, if the plan tells how many it has.
 * @throws GatewayError BAD_REQUEST
 */
export function checkParameterCount({ query: { parameters }, parameterSchema, hasNoParameters }: Plan): void {
  if (hasNoParameters ? !parameters : !parameterSchema) return
  const expected = hasNoParameters ? 0 : columnsOf(parameterSchema!)
  const given = parameters ? columnsOf(readStream(parameters).next().value?.header) : 0
  // Some servers announce parameters without columns for any statement.
  if (given === undefined || expected === undefined || (expected === 0 && !hasNoParameters)) return
  if (given !== expected) throw wrongParameterCount(expected, given)
}

/** The error of a request with another number of parameters than its statement has. */
export function wrongParameterCount(expected: number, given: number): GatewayError {
  const parameters = expected === 1 ? 'parameter' : 'parameters'
  return new GatewayError('BAD_REQUEST', `The statement has ${expected} ${parameters}, and the request has ${given}.`)
}

/** Number of columns of a schema; undefined if it is malformed, which its reader reports. */
function columnsOf(schema: Uint8Array | undefined): number | undefined {
  try {
    return schema && readColumnCount(schema)
  } catch (error) {
    if (error instanceof ArrowError) return undefined
    throw error
  }
}
