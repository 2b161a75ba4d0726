import { hash } from 'node:crypto'
import { grantsOf } from '../../query/access/roles.ts'
import type { Principal } from '../../query/types.ts'

/** What the revisions are made of. */
export interface RevisionParts {
  /** Version of the gateway: another one may encode rows differently. */
  readonly version: string
  /** Settings of the sources by name. */
  readonly sources: Readonly<Record<string, object>>
  /** The principals with API keys, with everything that their keys grant. */
  readonly principals: readonly { readonly name: string }[]
}

/**
 * Digests of what decides which rows a principal gets, besides the statement. An entry of another revision is never found: rows
 * do not outlive a change of a source's settings, or of the rights of the principal that read them.
 */
export class Revisions {
  #ofSources: ReadonlyMap<string, string> = new Map()
  #ofKeys: ReadonlyMap<string, string> = new Map()
  /** A principal is one object for as long as its key is. */
  #ofPrincipals = new WeakMap<Principal, string>()

  constructor(parts: RevisionParts) {
    this.update(parts)
  }

  /** Follows changed settings: entries of sources and principals that have changed are not found any more. */
  update({ version, sources, principals }: RevisionParts): void {
    this.#ofPrincipals = new WeakMap()
    this.#ofSources = new Map(
      Object.entries(sources).map(([name, settings]) => [name, digest([version, name, settings])]),
    )
    this.#ofKeys = new Map(principals.map((principal) => [principal.name, digest(principal)]))
  }

  /** Revision of a source's settings. */
  ofSource(name: string): string {
    return this.#ofSources.get(name) ?? ''
  }

  /** Name and rights of a principal. */
  ofPrincipal(principal: Principal): string {
    let revision = this.#ofPrincipals.get(principal)
    if (revision === undefined) {
      const { name, roles, groups } = principal
      revision = digest([name, roles, grantsOf(principal), groups, this.#ofKeys.get(name)])
      this.#ofPrincipals.set(principal, revision)
    }
    return revision
  }
}

function digest(value: unknown): string {
  return hash('sha256', JSON.stringify(value), 'base64url')
}
