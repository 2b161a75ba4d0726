import { GatewayError } from './errors.ts'
import type { Source } from './source.ts'
import { SourceNames } from './source-names.ts'
import type { Principal, SessionOptions } from './types.ts'

/** Resolves the source of a call. Names are case-insensitive. */
export class Router {
  readonly #byName = new Map<string, Source>()
  readonly #byKind = new Map<string, Source[]>()
  #defaultSource: string
  /** Resolves catalog names to sources. */
  readonly names: SourceNames

  constructor(sources: readonly Source[], defaultSource: string) {
    this.#defaultSource = defaultSource
    for (const source of sources) {
      this.#byName.set(source.name.toLowerCase(), source)
      const sameKind = this.#byKind.get(source.kind) ?? []
      sameKind.push(source)
      this.#byKind.set(source.kind, sameKind)
    }
    this.names = new SourceNames(this.sources)
  }

  /** Follows a changed default source. */
  update(defaultSource: string): void {
    this.#defaultSource = defaultSource
  }

  get sources(): readonly Source[] {
    return [...this.#byName.values()]
  }

  /**
   * Resolves the source of a call. In order: the source that the call names (by name, or by kind if only one source has that
   * kind), the source that the session's catalog names, the principal's default source, the gateway's default source.
   * @throws GatewayError UNKNOWN_SOURCE
   */
  route(named: string | undefined, session: SessionOptions, principal: Principal): Source {
    if (named !== undefined) return this.named(named)
    const byCatalog = session.catalog === undefined ? undefined : this.#byName.get(session.catalog.toLowerCase())
    return byCatalog ?? this.named(principal.defaultSource ?? this.#defaultSource)
  }

  /**
   * Returns the source with this name, or the only source of this kind.
   * @throws GatewayError UNKNOWN_SOURCE
   */
  named(name: string): Source {
    const wanted = name.toLowerCase()
    const source = this.#byName.get(wanted)
    if (source) return source
    const sameKind = this.#byKind.get(wanted)
    if (sameKind?.length === 1) return sameKind[0]!
    const known = this.sources.map((each) => each.name).join(', ')
    throw new GatewayError('UNKNOWN_SOURCE', `There is no source "${name.slice(0, 100)}"; known: ${known}.`)
  }
}
