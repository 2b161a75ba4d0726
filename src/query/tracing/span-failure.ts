import { GatewayError } from '../errors.ts'
import type { SpanFailure } from './span.ts'

/** The failure of a span for what was thrown. A statement that its own client cancelled is no fault. */
export function spanFailure(thrown: unknown): SpanFailure {
  const { code, publicMessage } = GatewayError.from(thrown)
  return { type: code, message: publicMessage, isFault: code !== 'CANCELLED' }
}
