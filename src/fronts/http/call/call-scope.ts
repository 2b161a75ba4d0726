import { LOSSLESS_TYPES_HEADER, SOURCE_HEADER, withLosslessTypes } from '../../../statements/option-headers.ts'
import type { CallScope } from '../../../statements/query-builder.ts'
import type { HttpCall } from './http-call.ts'

/**
 * The source and the options that the headers of a call name. A statement's own `data_source` wins.
 * @throws GatewayError BAD_REQUEST
 */
export function scopeOf(call: HttpCall): CallScope {
  const lossless = call.header(LOSSLESS_TYPES_HEADER)
  return { ctx: call, namedSource: call.header(SOURCE_HEADER), session: withLosslessTypes({}, lossless) }
}
