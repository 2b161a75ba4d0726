import { type Grantee, sees } from './access/allows.ts'
import { GatewayError } from './errors.ts'
import type { Source } from './source.ts'
import { SourceNames } from './source-names.ts'
import type { Principal, Query, SessionOptions } from './types.ts'

type Viewer = Pick<Grantee, 'roles' | 'grants'>

/** Resolves the source of a call. Names are case-insensitive. */
export class Router {
  #byName = new Map<string, Source>()
  #byKind = new Map<string, Source[]>()
  #defaultSource = ''
  readonly #ofTransaction: (id: string) => Source | undefined
  /** Resolves catalog names to sources. */
  readonly names: SourceNames

  /** @param ofTransaction the source of an open transaction, which a reload may have replaced or removed meanwhile */
  constructor(
    sources: readonly Source[],
    defaultSource: string,
    ofTransaction: (id: string) => Source | undefined = () => undefined,
  ) {
    this.#ofTransaction = ofTransaction
    this.names = new SourceNames(sources)
    this.update(sources, defaultSource)
  }

  /** Replaces the sources. Transactions stay at theirs. */
  update(sources: readonly Source[], defaultSource: string): void {
    this.#defaultSource = defaultSource
    this.#byName = new Map()
    this.#byKind = new Map()
    for (const source of sources) {
      this.#byName.set(source.name.toLowerCase(), source)
      const sameKind = this.#byKind.get(source.kind) ?? []
      sameKind.push(source)
      this.#byKind.set(source.kind, sameKind)
    }
    this.names.update(this.sources)
  }

  get sources(): readonly Source[] {
    return [...this.#byName.values()]
  }

  /**
   * Resolves the source of a call. In order: the source that the call names (by name, or by kind if only one source has that
   * kind), the source that the session's catalog names, the principal's default source, the gateway's default source.
   * @throws GatewayError UNKNOWN_SOURCE, also for a source on which the principal has no grant
   */
  route(named: string | undefined, session: SessionOptions, principal: Principal): Source {
    if (named !== undefined) return this.named(named, principal)
    const byCatalog = session.catalog === undefined ? undefined : this.#byName.get(session.catalog.toLowerCase())
    if (byCatalog && sees(principal, byCatalog.name)) return byCatalog
    return this.named(principal.defaultSource ?? this.#defaultSource, principal)
  }

  /** The sources on which a principal has a grant; for it there are no others. */
  visibleTo(principal: Viewer): readonly Source[] {
    return this.sources.filter(({ name }) => sees(principal, name))
  }

  /** Returns the source of a query: that of its transaction, if it has one. @param viewer as in `named` @throws GatewayError UNKNOWN_SOURCE */
  ofQuery({ source, transaction }: Pick<Query, 'source' | 'transaction'>, viewer?: Viewer): Source {
    const held = transaction === undefined ? undefined : this.#ofTransaction(transaction)
    return held?.name === source ? held : this.named(source, viewer)
  }

  /**
   * Returns the source with this name, or the only source of this kind.
   * @param viewer the principal that names it; absent for the gateway itself
   * @throws GatewayError UNKNOWN_SOURCE, also for a source on which the viewer has no grant
   */
  named(name: string, viewer?: Viewer): Source {
    const wanted = name.toLowerCase()
    const isVisible = (source: Source) => !viewer || sees(viewer, source.name)
    const source = this.#byName.get(wanted)
    if (source && isVisible(source)) return source
    const sameKind = this.#byKind.get(wanted)?.filter(isVisible)
    if (sameKind?.length === 1) return sameKind[0]!
    const known = this.sources.filter(isVisible).map((each) => each.name)
    throw new GatewayError(
      'UNKNOWN_SOURCE',
      `There is no source "${name.slice(0, 100)}"; known: ${known.join(', ') || 'none'}.`,
    )
  }
}
