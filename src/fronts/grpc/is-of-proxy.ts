import { FORWARDED_HEADER } from '../../grpc/server/metadata.ts'
import type { HeaderFields } from '../../http2/index.ts'

const ofProxies = ['x-forwarded-for', 'forwarded', 'via', FORWARDED_HEADER]

/** Whether the headers of a call show a proxy or another replica, so that its connection may carry calls of many clients. */
export function isOfProxy(headers: HeaderFields): boolean {
  return ofProxies.some((name) => headers[name] !== undefined)
}
