import type { TraceParent } from './trace-parent.ts'

/** Facts of a span by name. An undefined value adds none. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>

/** Identity of a span. */
export interface SpanIds {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  /** Whether the span is exported. */
  readonly isSampled: boolean
}

/** How the work of a span failed. */
export interface SpanFailure {
  /** From a small set, such as the code of a `GatewayError`; the attribute `error.type`. */
  readonly type: string
  /** A sentence without quotes from a statement or a value. */
  readonly message?: string | undefined
  /** Whether the span counts as failed; by default true. An error that the client caused is no fault of a server's call. */
  readonly isFault?: boolean
}

/** What a new span is. */
export interface SpanStart {
  /** `client` for a call to another server; by default `internal`. */
  readonly kind?: 'client' | 'internal'
  /** When the work began, as `performance.now()`; by default now. */
  readonly startedAt?: number
  readonly attributes?: SpanAttributes
}

/** A piece of work in a distributed trace. Its owner ends it once; later calls have no effect. */
export interface Span extends SpanIds {
  /** Value of the header `traceparent` for calls that belong to the span. */
  readonly traceParent: string
  /** Value of the header `tracestate` for such calls. */
  readonly traceState: string | undefined
  /** Begins a span within this one. */
  child(name: string, start?: SpanStart): Span
  set(attributes: SpanAttributes): void
  /** Records a moment. */
  event(name: string): void
  /** Points to a span elsewhere on whose work this one depends. */
  link(to: SpanIds | undefined): void
  /** @param endedAt as `performance.now()`; by default now */
  end(failure?: SpanFailure, endedAt?: number): void
}

/** A call that a client has begun. */
export interface CallStart {
  readonly name: string
  /** The client's span, if the client told one. */
  readonly parent: TraceParent | undefined
  /** The client's `tracestate`. */
  readonly traceState: string | undefined
  /** As `performance.now()`. */
  readonly startedAt: number
  readonly attributes: SpanAttributes
}

/** Begins the spans of calls. Absent everywhere if tracing is off. */
export interface Tracer {
  beginCall(call: CallStart): Span
}
