import { headerOf } from '../../../grpc/server/metadata.ts'
import type { HeaderFields } from '../../../http2/index.ts'

/** The header that announces the client's message limit, in bytes. */
export const MAX_MESSAGE_HEADER = 'x-flightgate-max-message-bytes'

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

/** Returns the client's message limit in bytes: as announced, else as known by user agent, else `otherwise`. */
export function maxMessageBytesOf(headers: HeaderFields, otherwise: number): number {
  const announced = Number(headerOf(headers, MAX_MESSAGE_HEADER))
  if (Number.isSafeInteger(announced) && announced >= 1024) return Math.min(announced, UNLIMITED)
  const userAgent = headerOf(headers, 'user-agent') ?? ''
  return knownClients.find(([pattern]) => pattern.test(userAgent))?.[1] ?? otherwise
}
