import type { HttpCall } from '../../fronts/http/call/http-call.ts'
import type { GrpcCall } from '../../grpc/server/call.ts'
import type { GatewayError } from '../../query/errors.ts'
import type { Tracer } from '../../query/tracing/span.ts'
import { readTraceParent, readTraceState } from '../../query/tracing/trace-parent.ts'

/** Statuses that are faults of the server. Source: https://opentelemetry.io/docs/specs/semconv/rpc/grpc/. */
const faults: ReadonlySet<string> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
])
const FIRST_FAULT = 500

/** The spans of calls, from their first header to their status. A call that is refused before it begins has none. */
export class CallSpans {
  readonly #tracer: Tracer

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /** Begins the span of a gRPC call. */
  beginGrpc(call: GrpcCall): void {
    // Open methods log in or describe the server: anyone may call them, so that they could flood the collector.
    if (!call.isAuthenticated) return
    const parent = readTraceParent(call.header('traceparent'))
    const method = call.path.slice(1)
    call.span = this.#tracer.beginCall({
      name: method,
      parent,
      traceState: parent && readTraceState(call.headers['tracestate']),
      startedAt: call.startedAt,
      attributes: {
        'rpc.system.name': 'grpc',
        'rpc.method': method,
        'client.address': addressOf(call.peer),
        'flightgate.principal': call.principal.name,
        'flightgate.request_id': call.requestId,
      },
    })
  }

  /** Begins the span of an HTTP request that has valid credentials. */
  beginHttp(call: HttpCall): void {
    call.span = this.#tracer.beginCall({
      name: `${call.method} ${call.route ?? ''}`.trimEnd(),
      parent: call.traceParent,
      traceState: call.traceParent && readTraceState(call.header('tracestate')),
      startedAt: call.startedAt,
      attributes: {
        'http.request.method': call.method,
        'http.route': call.route,
        'client.address': addressOf(call.peer),
        'flightgate.principal': call.principal.name,
        'flightgate.request_id': call.requestId,
      },
    })
  }
}

/** Ends the span of a gRPC call. */
export function endGrpcSpan(call: GrpcCall, error: GatewayError | undefined): void {
  const { span } = call
  if (span === undefined) return
  span.set({ 'rpc.response.status_code': error?.grpc ?? 'OK' })
  span.end(
    error && { type: error.code, message: error.publicMessage, isFault: faults.has(error.grpc) },
    call.startedAt + call.durationMs,
  )
}

/** Ends the span of an HTTP request. */
export function endHttpSpan(call: HttpCall, error: GatewayError | undefined): void {
  const { span } = call
  if (span === undefined) return
  const status = error?.http ?? call.answerStatus
  span.set({ 'http.response.status_code': status })
  span.end(
    error && { type: error.code, message: error.publicMessage, isFault: status >= FIRST_FAULT },
    call.startedAt + call.durationMs,
  )
}

/** An address without its port. */
function addressOf(peer: string): string {
  const address = peer.slice(0, peer.lastIndexOf(':'))
  return address.startsWith('[') ? address.slice(1, -1) : address
}
