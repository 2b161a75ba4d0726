import { isIP } from 'node:net'
import { z } from 'zod'
import { watchedPemFile } from './setting/pem-file.ts'

/** A host and a port; port 0 lets the system choose a free one. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

const ADDRESS_FORM = 'host:port with a port from 0 to 65535, such as 127.0.0.1:32010'
const addressPattern = /^(\[[^\]]+\]|[^:[\]]+):(\d{1,5})$/

/** A setting `host:port`, with an IPv6 address in brackets. */
function listenAddress(about: string, value: string) {
  return z.string().default(value).describe(about).meta({ form: ADDRESS_FORM }).transform(addressOf)
}

/** As `listenAddress`, without a default. */
export function optionalListenAddress(about: string) {
  return z
    .string()
    .optional()
    .describe(about)
    .meta({ form: ADDRESS_FORM })
    .transform((text, context): ListenAddress | undefined =>
      text === undefined ? undefined : addressOf(text, context),
    )
}

function addressOf(text: string, context: z.RefinementCtx): ListenAddress {
  const match = addressPattern.exec(text)
  const port = Number(match?.[2])
  if (match && port <= 65_535) return { host: match[1]!.replace(/^\[|\]$/g, ''), port }
  context.addIssue({ code: 'custom', message: `must be ${ADDRESS_FORM}` })
  return z.NEVER
}

/** Schema of `listen`. */
export const listenSchema = z.strictObject({
  flight: listenAddress('Address of the Flight port.', '127.0.0.1:32010'),
  http: listenAddress('Address of the HTTP port.', '127.0.0.1:8080'),
})

/** Schema of `tls`. */
export const tlsSchema = z
  .strictObject({
    cert: watchedPemFile('PEM file with the certificate chain. The gateway reloads it when it changes.'),
    key: watchedPemFile('PEM file with the private key. The gateway reloads it when it changes.'),
  })
  .optional()
  .describe('TLS on both ports.')

/** Whether the address is a loopback address, which only this machine can reach. */
export function isLoopback({ host }: ListenAddress): boolean {
  if (host === 'localhost' || host === '::1') return true
  return isIP(host) === 4 && host.startsWith('127.')
}
