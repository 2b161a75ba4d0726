import type { Frame } from '../../arrow/ipc/frame.ts'
import type { UpstreamCall } from '../../grpc/client/call.ts'
import type { Channel } from '../../grpc/client/channel.ts'
import { withClientDeadline } from '../../grpc/client/client-deadline.ts'
import { GrpcFailure } from '../../grpc/client/failure.ts'
import type { GrpcCall } from '../../grpc/server/call.ts'
import { FORWARDED_HEADER } from '../../grpc/server/metadata.ts'
import { RelayedError } from '../../grpc/server/relayed-error.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Span } from '../../query/tracing/span.ts'

type Fields = Readonly<Record<string, string | readonly string[] | undefined>>

/** Headers that belong to one connection or to the encoding of the messages there. */
const ofTransport = new Set([
  'te',
  'host',
  'connection',
  'content-type',
  'content-length',
  'grpc-timeout',
  'grpc-encoding',
  'grpc-accept-encoding',
  FORWARDED_HEADER,
])
const ofStatus = new Set(['grpc-status', 'grpc-message'])
/** Headers that the server sends with each answer. */
const ofAnswer = new Set(['content-type', 'grpc-accept-encoding', 'grpc-encoding'])
/** Methods that only read; others may have changed data when they are cut off. */
const reads = /\/(DoGet|GetSchema)$/

/**
 * Passes a call on to another process of the gateway: its messages as they came, with the caller's metadata, deadline and cancel.
 * The answer comes under the client's backpressure.
 */
export class RelayedCall {
  readonly #call: GrpcCall
  readonly #upstream: UpstreamCall

  /** @param extra headers that mark the call as passed on. @throws GatewayError REPLICA_UNAVAILABLE if the channel takes no calls */
  constructor(channel: Channel, call: GrpcCall, messages: readonly Uint8Array[] | AsyncIterable<Frame>, extra: Fields) {
    this.#call = call
    const headers: Record<string, string> = {
      ...textsOf(call.headers, (name) => !name.startsWith(':') && !ofTransport.has(name)),
      'x-request-id': call.requestId,
      ...extra,
    }
    const { signal, deadlineAt } = call
    const span = call.span?.child('forward', { kind: 'client', attributes: { 'rpc.method': call.path.slice(1) } })
    if (span) headers['traceparent'] = span.traceParent
    try {
      this.#upstream = channel.start(call.path, messages, {
        headers,
        signal,
        deadlineAt,
        ...(span && { onEnd: (failure: unknown) => endForward(span, failure) }),
      })
    } catch (cause) {
      if (span) endForward(span, cause)
      throw cause instanceof GrpcFailure ? new GatewayError('REPLICA_UNAVAILABLE', undefined, { cause }) : cause
    }
    if (!reads.test(call.path)) call.mayHaveChanged = true
  }

  /** Sends the messages of the answer to the client. @throws GatewayError the owner's error, REPLICA_UNAVAILABLE, DEADLINE */
  async stream(): Promise<void> {
    const call = this.#call
    try {
      // The first message is a schema, which goes out at once.
      for (let rows = 0; ; rows = 1) {
        const { done, value } = await this.#upstream.next()
        if (rows === 0) this.#passHeaders()
        if (done) break
        await call.send({ ...value, rows })
      }
      this.#passTrailers()
    } catch (error) {
      throw this.#errorOf(error)
    } finally {
      await this.#upstream.return()
    }
    await call.flushed()
  }

  /** Returns the one message of the answer. @throws as `stream` */
  async single(maxBytes: number): Promise<Uint8Array> {
    try {
      const [message] = await this.#upstream.collect(maxBytes)
      if (!message) throw new GrpcFailure('UNAVAILABLE', 'the answer has no message', 'local')
      this.#passHeaders()
      this.#passTrailers()
      return message
    } catch (error) {
      throw this.#errorOf(error)
    }
  }

  #passHeaders(): void {
    const headers = textsOf(this.#upstream.headers, (name) => !name.startsWith(':') && !ofAnswer.has(name))
    if (this.#upstream.headers['grpc-status'] === undefined && Object.keys(headers).length > 0)
      this.#call.sendHeaders(headers)
  }

  #passTrailers(): void {
    const trailers = textsOf(this.#upstream.trailers, (name) => !name.startsWith(':') && !ofStatus.has(name))
    if (Object.keys(trailers).length > 0) this.#call.trailers = trailers
  }

  #errorOf(thrown: unknown): unknown {
    const error = withClientDeadline(thrown, this.#call.deadlineAt)
    if (!(error instanceof GrpcFailure)) return error
    if (error.origin === 'upstream') {
      this.#passHeaders()
      return new RelayedError(
        error.message,
        textsOf(error.trailers, (name) => !name.startsWith(':') && !ofAnswer.has(name)),
      )
    }
    const { mayHaveChanged } = this.#call
    return new GatewayError(
      'REPLICA_UNAVAILABLE',
      mayHaveChanged && !error.notProcessed
        ? 'The replica that has the transaction or the statement was lost during the call, which may have been carried out: look before you run it again.'
        : undefined,
      { cause: error },
    )
  }
}

function endForward(span: Span, failure: unknown): void {
  if (failure === undefined) span.end()
  else span.end({ type: failure instanceof GrpcFailure ? failure.status : GatewayError.from(failure).code })
}

/** The fields that are kept; a repeated one as one value. */
function textsOf(fields: Fields, isKept: (name: string) => boolean): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined && isKept(name))
      texts[name] = typeof value === 'string' ? value : value.join(name === 'cookie' ? '; ' : ',')
  return texts
}
