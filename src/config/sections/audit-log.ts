import { z } from 'zod'
import { wholeNumber } from '../setting/value.ts'

/** Schema of `auditLog`. */
export const auditLogSchema = z.strictObject({
  file: z
    .string()
    .min(1)
    .describe(
      'File to which the lines are appended, or `stdout` for the standard output of the gateway, among the lines of its log. Several processes may share a file.',
    ),
  statements: z
    .enum(['hash', 'text'])
    .default('hash')
    .describe(
      'What a line contains of a statement: a hash, or also the beginning of its text, in which known forms of secrets are masked. The text may hold personal data.',
    ),
  onError: z
    .enum(['continue', 'refuse'])
    .default('continue')
    .describe(
      'What happens while the file cannot be written, as on a full disk. `continue`: statements run on; lines wait within `maxPendingBytes`, and those above it are lost, and counted. `refuse`: new statements fail with `AUDIT_UNAVAILABLE` until it can be written again.',
    ),
  maxPendingBytes: wholeNumber('Bytes of lines that may wait in memory to be written.', {
    min: 65_536,
    max: 1_073_741_824,
    default: 16_777_216,
  }),
})

/** Settings of the audit log. */
export type AuditLogSettings = z.output<typeof auditLogSchema>
