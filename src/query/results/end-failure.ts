import { GatewayError } from '../errors.ts'

/**
 * Why a statement did not end well; undefined if it did.
 * @param thrown error of the statement; undefined without one
 * @param complete whether the reader has read to the end
 * @param signal of the statement's context: its reason explains why the reader left early
 */
export function endFailure(thrown: unknown, complete: boolean, signal: AbortSignal): GatewayError | undefined {
  if (thrown !== undefined) return GatewayError.from(thrown)
  if (complete) return undefined
  return GatewayError.from(signal.reason ?? new GatewayError('CANCELLED', 'The client stopped reading before the end.'))
}
