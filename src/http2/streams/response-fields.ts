import type { HeaderFields } from '../hpack/header-decoder.ts'
import { hasConnectionFields } from './request-fields.ts'

const isStatus = /^[1-9]\d\d$/
/** Status that HTTP/2 does not allow. */
const SWITCHING_PROTOCOLS = '101'

/** Whether the fields form a valid response header. Source: RFC 9113, sections 8.2.2, 8.3.2 and 8.6. */
export function isResponse(fields: HeaderFields): boolean {
  const { ':status': status } = fields
  if (typeof status !== 'string' || !isStatus.test(status) || status === SWITCHING_PROTOCOLS) return false
  for (const name in fields) if (name.startsWith(':') && name !== ':status') return false
  return !hasConnectionFields(fields)
}

/** Whether a response is interim (1xx, such as 100 or 103): the final one follows. */
export function isInterim({ ':status': status }: HeaderFields): boolean {
  return typeof status === 'string' && status.startsWith('1')
}
