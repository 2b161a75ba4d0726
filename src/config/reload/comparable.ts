import type { SourceKinds } from '../../sources/kind.ts'
import type { Config } from '../config.ts'
import { redactConfig } from '../redact.ts'

type Section = Readonly<Record<string, unknown>>

/** A configuration in the two forms that a comparison needs; the members of both have the same names. */
export interface Comparable {
  /** All values, with secrets. */
  readonly values: Section
  /** The same for display, without secrets. */
  readonly shown: Section
}

/** Prepares a configuration for a comparison: API keys by their principal, and certificates by their files, which are watched. */
export function comparable(config: Config, kinds: SourceKinds): Comparable {
  const { warnings: _, ...values } = config
  const { auth, tls } = values
  const { clientCertificates } = auth
  const shown = redactConfig(config, kinds) as Section & { readonly auth: Section }
  return {
    values: {
      ...values,
      ...(tls && { tls: { cert: tls.cert.path, key: tls.key.path } }),
      auth: {
        ...auth,
        ...(clientCertificates && { clientCertificates: { ...clientCertificates, ca: clientCertificates.ca.path } }),
        apiKeys: byName(auth.apiKeys.map(({ sha256, ...rest }) => ({ ...rest, key: sha256 }))),
      },
    },
    shown: { ...shown, auth: { ...shown.auth, apiKeys: byName(shown.auth['apiKeys'] as Section[]) } },
  }
}

/** Entries of a list by their names; further entries with a name get a number. */
function byName(entries: readonly Section[]): Section {
  const named: Record<string, Section> = {}
  for (const { name, ...entry } of entries) {
    let key = String(name)
    for (let i = 2; key in named; i++) key = `${String(name)}#${i}`
    named[key] = entry
  }
  return named
}
