import type { Span, SpanAttributes, SpanFailure, SpanStart } from '../../src/query/tracing/span.ts'

/** A span that remembers its children and how it ended. */
export class RecordedSpan implements Span {
  readonly traceId = '0af7651916cd43dd8448eb211c80319c'
  readonly spanId: string
  readonly isSampled = true
  readonly traceState = undefined
  readonly name: string
  readonly kind: string
  readonly children: RecordedSpan[] = []
  readonly attributes: Record<string, unknown> = {}
  readonly links: string[] = []
  /** `open` until the end, then `ok` or the type of the failure. */
  outcome = 'open'

  constructor(name = 'root', { kind = 'internal', attributes = {} }: SpanStart = {}, id = 1) {
    this.name = name
    this.kind = kind
    this.spanId = id.toString(16).padStart(16, '0')
    this.set(attributes)
  }

  get traceParent(): string {
    return `00-${this.traceId}-${this.spanId}-01`
  }

  child(name: string, start?: SpanStart): RecordedSpan {
    const span = new RecordedSpan(name, start, this.children.length + 2)
    this.children.push(span)
    return span
  }

  set(attributes: SpanAttributes): void {
    Object.assign(this.attributes, attributes)
  }

  event(): void {}

  link(to: { readonly spanId: string } | undefined): void {
    if (to) this.links.push(to.spanId)
  }

  end(failure?: SpanFailure): void {
    if (this.outcome === 'open') this.outcome = failure?.type ?? 'ok'
  }
}
