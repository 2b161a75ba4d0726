import { z } from 'zod'

const DEFAULT_PORT = 32010
const FORM = 'grpc://host:port, or grpc+tls://host:port for TLS, without user, path and options'

/** Schemes of Flight URIs; true means TLS. */
const schemes: Readonly<Record<string, boolean>> = {
  'grpc:': false,
  'grpc+tcp:': false,
  'grpc+tls:': true,
  'grpcs:': true,
}

const pattern = /^([a-z+]+:)\/\/(\[[^\]]+\]|[^:/?#@]+)(?::(\d{1,5}))?\/?$/i

/** A setting with a Flight URI such as `grpc+tls://host:32010`, parsed into its parts. */
export function upstreamAddress(about: string) {
  return z
    .string()
    .describe(about)
    .meta({ form: FORM })
    .transform((uri, context) => {
      const match = pattern.exec(uri)
      const tls = match ? schemes[match[1]!.toLowerCase()] : undefined
      const port = Number(match?.[3] ?? DEFAULT_PORT)
      if (match && tls !== undefined && port >= 1 && port <= 65_535)
        return { host: match[2]!.replace(/^\[|\]$/g, ''), port, tls }
      context.addIssue({ code: 'custom', message: `must be ${FORM}` })
      return z.NEVER
    })
}
