import {
  type Attributes,
  createTraceState,
  type Context as OtelContext,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import type {
  CallStart,
  Span,
  SpanAttributes,
  SpanFailure,
  SpanIds,
  SpanStart,
  Tracer,
} from '../../query/tracing/span.ts'

const kinds = { client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const

/** The port `Tracer` on OpenTelemetry. */
export class SdkTracer implements Tracer {
  readonly #tracer: OtelTracer

  constructor(tracer: OtelTracer) {
    this.#tracer = tracer
  }

  beginCall({ name, parent, traceState, startedAt, attributes }: CallStart): Span {
    // One clock for all spans of a call: the wall clock may be set while it runs.
    const offsetMs = Date.now() - performance.now()
    const above = parent ? contextOf(parent, traceState) : ROOT_CONTEXT
    const span = this.#tracer.startSpan(
      name,
      { kind: SpanKind.SERVER, startTime: offsetMs + startedAt, attributes: present(attributes) },
      above,
    )
    return spanOf(span, { tracer: this.#tracer, offsetMs, traceState: parent && traceState })
  }
}

/** What all spans of a call share. */
interface CallParts {
  readonly tracer: OtelTracer
  /** Unix time of `performance.now()` 0, in milliseconds. */
  readonly offsetMs: number
  readonly traceState: string | undefined
}

function spanOf(span: OtelSpan, parts: CallParts): Span {
  return span.isRecording() ? new SdkSpan(span, parts) : new UnsampledSpan(span.spanContext(), parts.traceState)
}

class SdkSpan implements Span {
  readonly traceId: string
  readonly spanId: string
  readonly isSampled = true
  readonly traceState: string | undefined
  readonly #span: OtelSpan
  readonly #parts: CallParts
  #context: OtelContext | undefined

  constructor(span: OtelSpan, parts: CallParts) {
    const { traceId, spanId } = span.spanContext()
    this.traceId = traceId
    this.spanId = spanId
    this.traceState = parts.traceState
    this.#span = span
    this.#parts = parts
  }

  get traceParent(): string {
    return `00-${this.traceId}-${this.spanId}-01`
  }

  child(name: string, { kind = 'internal', startedAt, attributes }: SpanStart = {}): Span {
    const { tracer } = this.#parts
    this.#context ??= trace.setSpan(ROOT_CONTEXT, this.#span)
    const options = {
      kind: kinds[kind],
      startTime: this.#at(startedAt),
      ...(attributes && { attributes: present(attributes) }),
    }
    return spanOf(tracer.startSpan(name, options, this.#context), this.#parts)
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(present(attributes))
  }

  event(name: string): void {
    this.#span.addEvent(name, this.#at())
  }

  link(to: SpanIds | undefined): void {
    if (!to || to.spanId === this.spanId) return
    const { traceId, spanId, isSampled } = to
    this.#span.addLink({ context: { traceId, spanId, traceFlags: flagsOf(isSampled) } })
  }

  end(failure?: SpanFailure, endedAt?: number): void {
    if (failure) {
      const { type, message, isFault = true } = failure
      this.#span.setAttribute('error.type', type)
      if (isFault) this.#span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) })
    }
    this.#span.end(this.#at(endedAt))
  }

  #at(time = performance.now()): number {
    return this.#parts.offsetMs + time
  }
}

/** A span that is not exported: it only passes on the trace and its flag. */
class UnsampledSpan implements Span {
  readonly traceId: string
  readonly spanId: string
  readonly isSampled = false
  readonly traceState: string | undefined

  constructor({ traceId, spanId }: SpanContext, traceState: string | undefined) {
    this.traceId = traceId
    this.spanId = spanId
    this.traceState = traceState
  }

  get traceParent(): string {
    return `00-${this.traceId}-${this.spanId}-00`
  }

  child(): Span {
    return this
  }

  set(): void {}
  event(): void {}
  link(): void {}
  end(): void {}
}

function contextOf({ traceId, parentId, isSampled }: NonNullable<CallStart['parent']>, state: string | undefined) {
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId: parentId,
    traceFlags: flagsOf(isSampled),
    isRemote: true,
    ...(state !== undefined && { traceState: createTraceState(state) }),
  })
}

function flagsOf(isSampled: boolean): TraceFlags {
  return isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE
}

/** Without the undefined ones. */
function present(attributes: SpanAttributes): Attributes {
  const all: Attributes = {}
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) all[name] = value
  return all
}
