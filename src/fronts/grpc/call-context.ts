import { anonymous } from '../../auth/authenticator.ts'
import type { GrpcCall } from '../../grpc/server/call.ts'
import type { HeaderFields } from '../../http2/index.ts'
import type { StatementTrace } from '../../query/statement-trace.ts'
import type { Span } from '../../query/tracing/span.ts'
import type { ChangeMark, ClientConnection, Context, Logger, Principal, StatementReader } from '../../query/types.ts'
import { isOfProxy } from './is-of-proxy.ts'

/** The context of a gRPC call. The call creates its signal on first use. */
export class CallContext implements Context {
  readonly principal: Principal
  readonly deadlineAt: number
  readonly requestId: string
  readonly log: Logger
  readonly front: string
  readonly metadata: HeaderFields
  readonly holder?: string
  /** Absent if many clients may share the connection: its end tells nothing of one of them. */
  readonly connection: ClientConnection | undefined
  readonly changeMark: ChangeMark
  readonly reader: StatementReader
  readonly span: Span | undefined
  /** Set by a method that reports what the stages tell. */
  trace?: StatementTrace
  readonly #call: GrpcCall

  /**
   * @param front name of the front that received the call
   * @throws GatewayError UNAUTHENTICATED if the method is open to calls without credentials: its calls have no principal
   */
  constructor(call: GrpcCall, log: Logger, front: string) {
    this.#call = call
    this.principal = call.principal
    this.deadlineAt = call.deadlineAt
    this.requestId = call.requestId
    this.log = log
    this.front = front
    this.metadata = call.headers
    if (this.principal === anonymous) this.holder = call.peer
    this.connection = isOfProxy(call.headers) ? undefined : call.connection
    this.changeMark = call
    this.reader = call
    this.span = call.span
  }

  get peer(): string {
    return this.#call.peer
  }

  get signal(): AbortSignal {
    return this.#call.signal
  }
}
