import type { AuditFields, AuditValue } from '../../query/audit/audit-trail.ts'

/** Version of the lines: it changes when a member gets another meaning or goes away, not when one is added. */
export const AUDIT_VERSION = 1

/** Members that are shortened or left out, in this order, when a line is too long. */
const optional = [
  'text',
  'problems',
  'tablesRead',
  'tablesChanged',
  'details',
  'reason',
  'forwardedFor',
  'groups',
  'roles',
] as const

/**
 * One line of the audit log as JSON, without its line feed.
 * @param maxBytes most bytes; a longer line loses its text and then its lists, and has `cut: true`
 */
export function auditLine(event: string, at: number, fields: AuditFields, maxBytes: number): string {
  const whole: Record<string, AuditValue> = { audit: AUDIT_VERSION, time: new Date(at).toISOString(), event, ...fields }
  let line = JSON.stringify(whole)
  for (const name of optional) {
    const tooMany = Buffer.byteLength(line) - maxBytes
    if (tooMany <= 0) return line
    if (whole[name] === undefined || whole[name] === null) continue
    whole['cut'] = true
    const text = whole[name]
    // A character takes at most six bytes as JSON, so that half of what is over is always enough in a few steps.
    if (name === 'text' && typeof text === 'string') {
      line = shortened(whole, text, maxBytes)
      continue
    }
    whole[name] = null
    line = JSON.stringify(whole)
  }
  return line
}

/** The line with as much of the text as fits, by halves. */
function shortened(whole: Record<string, AuditValue>, text: string, maxBytes: number): string {
  let line = ''
  for (let length = text.length >> 1; ; length >>= 1) {
    whole['text'] = text.slice(0, length)
    line = JSON.stringify(whole)
    if (length === 0 || Buffer.byteLength(line) <= maxBytes) return line
  }
}
