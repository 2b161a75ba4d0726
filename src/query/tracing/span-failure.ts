import { isKill } from '../control/killed-by-operator.ts'
import { GatewayError } from '../errors.ts'
import type { SpanFailure } from './span.ts'

/** The failure of a span for what was thrown. A statement that its own client cancelled is no fault; one that an operator killed is. */
export function spanFailure(thrown: unknown): SpanFailure {
  const error = GatewayError.from(thrown)
  const { code, publicMessage } = error
  return { type: code, message: publicMessage, isFault: code !== 'CANCELLED' || isKill(error) }
}
