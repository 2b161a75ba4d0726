import type { Charge } from './billing/charge.ts'
import type { StatementTrace } from './statement-trace.ts'
import type { Span } from './tracing/span.ts'
import type { ChangeMark, ClientConnection, Context, Logger, Principal, StatementReader, TypeOptions } from './types.ts'

/**
 * Derives a context from `outer` with some members changed; an undefined change removes an optional member. Always use this
 * function: a spread loses the getters of a class, such as the signal that a call creates on first use.
 */
export function deriveContext(outer: Context, changes: Partial<Context>): Context {
  return new DerivedContext(outer, changes)
}

/** Every member of a context. The compiler fails here if `Context` gets a member that `DerivedContext` lacks. */
type Members = { readonly [K in keyof Required<Context>]: Context[K] }

class DerivedContext implements Members {
  readonly principal: Principal
  readonly deadlineAt: number
  readonly requestId: string
  readonly log: Logger
  readonly front: string | undefined
  readonly metadata: Context['metadata']
  readonly connection: ClientConnection | undefined
  readonly reader: StatementReader | undefined
  readonly trackProgress: boolean | undefined
  readonly holder: string | undefined
  readonly types: TypeOptions | undefined
  readonly changeMark: ChangeMark | undefined
  readonly trace: StatementTrace | undefined
  readonly span: Span | undefined
  readonly charge: Charge | undefined
  readonly heldReports: Context['heldReports']
  /** Owner of the signal: the outer context, unless the changes contain a signal. */
  readonly #signalOwner: Pick<Context, 'signal'>
  /** Owner of the peer, which it may compute at each look. */
  readonly #peerOwner: Partial<Pick<Context, 'peer'>>

  constructor(outer: Context, changes: Partial<Context>) {
    this.principal = changes.principal ?? outer.principal
    this.deadlineAt = changes.deadlineAt ?? outer.deadlineAt
    this.requestId = changes.requestId ?? outer.requestId
    this.log = changes.log ?? outer.log
    this.front = 'front' in changes ? changes.front : outer.front
    this.metadata = 'metadata' in changes ? changes.metadata : outer.metadata
    this.connection = 'connection' in changes ? changes.connection : outer.connection
    // Ending the reader aborts the outer signal only.
    this.reader = 'reader' in changes ? changes.reader : changes.signal ? undefined : outer.reader
    this.trackProgress = 'trackProgress' in changes ? changes.trackProgress : outer.trackProgress
    this.holder = 'holder' in changes ? changes.holder : outer.holder
    this.types = 'types' in changes ? changes.types : outer.types
    this.changeMark = 'changeMark' in changes ? changes.changeMark : outer.changeMark
    this.trace = 'trace' in changes ? changes.trace : outer.trace
    this.span = 'span' in changes ? changes.span : outer.span
    this.charge = 'charge' in changes ? changes.charge : outer.charge
    this.heldReports = 'heldReports' in changes ? changes.heldReports : outer.heldReports
    const { signal } = changes
    this.#signalOwner = signal ? { signal } : outer
    this.#peerOwner = 'peer' in changes ? changes : outer
  }

  get peer(): string | undefined {
    return this.#peerOwner.peer
  }

  get signal(): AbortSignal {
    return this.#signalOwner.signal
  }
}
