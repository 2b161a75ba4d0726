import { GatewayError, GrpcStatus } from '../../query/errors.ts'
import { errorDetails } from './error-details.ts'
import { RelayedError } from './relayed-error.ts'

/** Limit of the percent-encoded `grpc-message`: clients reject trailers above 8 KiB in total. */
const MAX_MESSAGE_BYTES = 3072

/**
 * Percent-encodes a status message and truncates it at a character boundary.
 * Source: PROTOCOL-HTTP2.md, "Status-Message".
 */
export function encodeStatusMessage(message: string): string {
  let out = ''
  for (const character of message) {
    const code = character.codePointAt(0)!
    let piece = character
    if (code < 0x20 || code > 0x7e || code === 0x25) {
      piece = ''
      for (const byte of Buffer.from(character)) piece += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    }
    if (out.length + piece.length > MAX_MESSAGE_BYTES - 3) return `${out}...`
    out += piece
  }
  return out
}

const DETAILS = 'grpc-status-details-bin'
const ok: Readonly<Record<string, string>> = { 'grpc-status': '0' }

/**
 * The trailers of a call. Besides status and message they carry, in plain text, the error code (`x-flightgate-error`), the
 * position in the SQL, the retry delay, and the request id for the log; and the same in binary, as the richer error model.
 */
export function statusTrailers(error: GatewayError | undefined, requestId: string): Record<string, string> {
  if (!error) return ok
  if (error instanceof RelayedError) return { ...error.trailers }
  const trailers: Record<string, string> = {
    'grpc-status': String(GrpcStatus[error.grpc]),
    'grpc-message': encodeStatusMessage(error.message),
    'x-flightgate-error': error.code,
    'x-request-id': requestId,
    [DETAILS]: Buffer.from(errorDetails(error, requestId, error.metadata?.[DETAILS]))
      .toString('base64')
      .replace(/=+$/, ''),
  }
  for (const [name, value] of Object.entries(error.metadata ?? {})) if (name !== DETAILS) trailers[name] ??= value
  if (error.position) trailers['x-flightgate-sql-position'] = `${error.position.line}:${error.position.column}`
  if (error.retryAfterMs !== undefined) {
    trailers['grpc-retry-pushback-ms'] = String(Math.ceil(error.retryAfterMs))
    trailers['retry-after'] = String(Math.ceil(error.retryAfterMs / 1000))
  }
  return trailers
}

/** Converts a thrown value into a GatewayError. An AbortError yields the GatewayError that is its cause. */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown
  if (thrown instanceof Error && thrown.name === 'AbortError' && thrown.cause instanceof GatewayError)
    return thrown.cause
  return GatewayError.from(thrown)
}
