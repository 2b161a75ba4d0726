import { SOURCE_HEADER, withOptionHeaders } from '../../../statements/option-headers.ts'
import type { CallScope } from '../../../statements/query-builder.ts'
import type { HttpCall } from './http-call.ts'

/**
 * The source and the options that the headers of a call name. A statement's own `data_source` wins.
 * @throws GatewayError BAD_REQUEST
 */
export function scopeOf(call: HttpCall): CallScope {
  return {
    ctx: call,
    namedSource: call.header(SOURCE_HEADER),
    session: withOptionHeaders({}, (name) => call.header(name)),
  }
}
