import type { Context } from '../types.ts'
import { readTraceParent } from './trace-parent.ts'

/** Ids of the trace of a call, for its log lines. */
export interface TraceFields {
  readonly traceId?: string
  /** Id of the span of the call or the statement, if tracing is on. */
  readonly spanId?: string
  /** Id of the client's span, if tracing is off and the client told one. */
  readonly parentId?: string
}

const none: TraceFields = {}

/** Returns the ids of a call's trace: the gateway's own, else the client's from its metadata. */
export function traceFieldsOf({ span, metadata }: Pick<Context, 'span' | 'metadata'>): TraceFields {
  if (span !== undefined) return { traceId: span.traceId, spanId: span.spanId }
  const header = metadata?.['traceparent']
  if (header === undefined) return none
  const parent = readTraceParent(header)
  return parent ? { traceId: parent.traceId, parentId: parent.parentId } : none
}
