import { z } from 'zod'
import { watchedPemFile } from '../setting/pem-file.ts'
import { groupName } from './cost.ts'

const roleName = z.string().regex(/^[\w.@-]{1,64}$/, 'must be 1 to 64 letters, digits, or any of . _ @ -')
const names = z.array(z.string().min(1)).min(1)

/** Schema of `auth.clientCertificates`. */
export const clientCertificatesSchema = z
  .strictObject({
    ca: watchedPemFile(
      'PEM file with the authorities whose certificates count. The gateway reloads it when it changes, also for open connections.',
    ),
    required: z
      .boolean()
      .default(false)
      .describe('Whether every call needs a certificate, also with an API key or a token. Probes do not.'),
    principal: z
      .enum(['cn', 'dns', 'email', 'uri'])
      .default('cn')
      .describe(
        'Which name of a certificate is that of the principal: the common name, or the first alternative name of a kind.',
      ),
    roles: z
      .record(roleName, names)
      .default({})
      .describe('Names whose holders have a role, by the name of the role; `*` is every holder. Others are refused.'),
    groups: z
      .record(groupName, names)
      .default({})
      .describe('Names whose holders belong to a group in `groups`, by its name; `*` is every holder.'),
  })
  .optional()
  .describe(
    'Certificates of clients over TLS (mutual TLS): the name in the certificate is the principal of calls without other credentials, as `cert:NAME` ([identity](identity.md#client-certificates)).',
  )
