import { gatewayServiceName } from '../fronts/gateway/service.ts'
import type { HttpCall } from '../fronts/http/call/http-call.ts'
import type { GrpcCall } from '../grpc/server/call.ts'
import { LineLimit } from '../ops/line-limit.ts'
import type { StatementLogging } from '../ops/logged-error.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { ErrorCode, GatewayError } from '../query/errors.ts'
import { traceFieldsOf } from '../query/tracing/trace-fields.ts'
import type { Logger } from '../query/types.ts'
import type { LoginAudit } from './audit/login-audit.ts'
import { endGrpcSpan, endHttpSpan } from './tracing/call-spans.ts'

const REFUSALS_PER_SECOND = 10
/** Codes that any client can cause at network speed. The log limits their lines. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  'UNIMPLEMENTED',
  'UNKNOWN_ROUTE',
  'WRONG_METHOD',
  'WRONG_CONTENT_TYPE',
  'NOT_ACCEPTABLE',
  'BAD_REQUEST',
  'TOO_LARGE',
  'QUEUE_FULL',
  'RATE_LIMITED',
  'QUOTA_EXCEEDED',
])

/** What the log needs of a call. */
interface EndedCall {
  readonly requestId: string
  readonly isAuthenticated: boolean
}

/** Counts all calls at their end, and logs those that failed. */
export class CallLog {
  readonly #methodNames: ReadonlyMap<string, string>
  readonly #metrics: Metrics
  readonly #log: Logger
  readonly #statements: StatementLogging
  readonly #limit: LineLimit
  readonly #logins: LoginAudit | undefined

  /**
   * @param paths of the gRPC methods, such as `/arrow.flight.protocol.FlightService/DoGet`
   * @param statements how much of statements the log may contain
   * @param logins absent without an audit log
   */
  constructor(
    paths: readonly string[],
    metrics: Metrics,
    log: Logger,
    statements: StatementLogging,
    logins?: LoginAudit,
  ) {
    this.#logins = logins
    this.#statements = statements
    this.#methodNames = new Map(paths.map((path) => [path, path.slice(path.lastIndexOf('/') + 1)]))
    this.#metrics = metrics
    this.#log = log
    this.#limit = new LineLimit(REFUSALS_PER_SECOND, (code, count) =>
      log.info({ event: 'calls_refused', code, count }, 'rate limit of log lines: more calls ended with this error'),
    )
  }

  /** Records the end of a gRPC call. */
  onGrpcEnd(call: GrpcCall, error: GatewayError | undefined): void {
    const method = this.#methodNames.get(call.path) ?? 'unknown'
    this.#metrics.callEnded(method, error?.grpc ?? 'OK', call.durationMs, call.span)
    endGrpcSpan(call, error)
    if (!error) return
    if (!call.isAuthenticated) this.#logins?.onRefused(call, frontOf(call.path), error)
    this.#failed(call, error, {
      method,
      peer: call.peer,
      code: error.code,
      status: error.grpc,
      ...traceFieldsOf({ span: call.span, metadata: call.headers }),
    })
  }

  /** Records the end of an HTTP request. */
  onHttpEnd(call: HttpCall, error: GatewayError | undefined): void {
    const route = call.route ?? 'unknown'
    this.#metrics.requestEnded(call.method, route, error?.http ?? call.answerStatus, call.durationMs, call.span)
    endHttpSpan(call, error)
    if (!error) return
    if (!call.isAuthenticated) this.#logins?.onRefused(call, 'http', error)
    this.#failed(call, error, {
      method: call.method,
      route,
      peer: call.peer,
      code: error.code,
      status: error.http,
      ...traceFieldsOf(call),
    })
  }

  #failed(call: EndedCall, error: GatewayError, about: object): void {
    const isRefusal = !error.row.fault && (!call.isAuthenticated || refusals.has(error.code))
    if (isRefusal && !this.#limit.admits(error.code)) return
    const fields = {
      event: 'call',
      requestId: call.requestId,
      ...about,
      ...(error.engineError !== undefined && { engineError: error.engineError }),
      reason: this.#statements === 'text' ? error.message : error.publicMessage,
    }
    if (error.row.fault) this.#log.error({ ...fields, err: error.cause ?? error }, 'call failed')
    else this.#log.info(fields, 'call ended with an error')
  }

  /** Logs the counts of suppressed lines. */
  close(): void {
    this.#limit.flush()
    this.#logins?.close()
  }
}

function frontOf(path: string): string {
  return path.startsWith(`/${gatewayServiceName}/`) ? 'gateway' : 'flight'
}
