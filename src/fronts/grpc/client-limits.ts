import { headerOf } from '../../grpc/server/metadata.ts'
import type { HeaderFields } from '../../http2/index.ts'
import { GatewayError } from '../../query/errors.ts'

/** The header that announces the client's message limit, in bytes. */
export const MAX_MESSAGE_HEADER = 'x-flightgate-max-message-bytes'

const MIN_BYTES = 1024
const UNLIMITED = 2 ** 31 - 1

/**
 * Message limits of known clients in bytes, by user agent. ADBC sets 16 MiB; the C++ client (pyarrow) and the Java client (JDBC)
 * remove gRPC's limit.
 */
const knownClients: readonly (readonly [RegExp, number])[] = [
  [/^ADBC Flight SQL Driver/, 16 << 20],
  [/grpc-c\+\+/, UNLIMITED],
  [/grpc-java/, UNLIMITED],
]

/**
 * Returns the message limit in bytes that the client announces, if it does.
 * @throws GatewayError BAD_REQUEST if the header is not a whole number from `MIN_BYTES`
 */
export function announcedMessageBytesOf(headers: HeaderFields): number | undefined {
  const announced = headerOf(headers, MAX_MESSAGE_HEADER)
  if (announced === undefined) return undefined
  const bytes = /^\d+$/.test(announced) ? Number(announced) : 0
  if (bytes < MIN_BYTES)
    throw new GatewayError(
      'BAD_REQUEST',
      `The header ${MAX_MESSAGE_HEADER} must be a whole number of bytes, at least ${MIN_BYTES}.`,
    )
  return Math.min(bytes, UNLIMITED)
}

/**
 * Returns the client's message limit in bytes: as announced, else as known by user agent, else `otherwise`.
 * @throws GatewayError as `announcedMessageBytesOf`
 */
export function maxMessageBytesOf(headers: HeaderFields, otherwise: number): number {
  const announced = announcedMessageBytesOf(headers)
  if (announced !== undefined) return announced
  const userAgent = headerOf(headers, 'user-agent') ?? ''
  return knownClients.find(([pattern]) => pattern.test(userAgent))?.[1] ?? otherwise
}
