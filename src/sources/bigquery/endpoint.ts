import { z } from 'zod'

const HOST = String.raw`(\[[^\]]+\]|[^:/?#@\s[\]]+)`
const rest = new RegExp(`^https?://${HOST}(:\\d{1,5})?(/[^?#\\s]*)?$`, 'i')
const storage = new RegExp(`^(?:(https?)://)?${HOST}:(\\d{1,5})/?$`, 'i')

const REST_FORM = 'https://host or http://host:port, without user and options'
const STORAGE_FORM = 'host:port, http://host:port or https://host:port'

/** A setting with the address of the REST API, without a slash at the end. */
export function restEndpoint(about: string) {
  return z
    .string()
    .describe(about)
    .meta({ form: REST_FORM })
    .refine((value) => rest.test(value), `must be ${REST_FORM}`)
    .transform((value) => value.replace(/\/+$/, ''))
}

/** Address of the Storage Read API. */
export interface StorageEndpoint {
  readonly host: string
  readonly port: number
  /** Absent if the address does not say: then TLS as for the REST API. */
  readonly tls?: boolean
}

/** A setting with the address of the Storage Read API, parsed into its parts. */
export function storageEndpoint(about: string) {
  return z
    .string()
    .describe(about)
    .meta({ form: STORAGE_FORM })
    .transform((value, context): StorageEndpoint => {
      const match = storage.exec(value)
      const port = Number(match?.[3])
      if (match && port >= 1 && port <= 65_535) {
        const scheme = match[1]?.toLowerCase()
        return { host: match[2]!.replace(/^\[|\]$/g, ''), port, ...(scheme && { tls: scheme === 'https' }) }
      }
      context.addIssue({ code: 'custom', message: `must be ${STORAGE_FORM}` })
      return z.NEVER
    })
}
