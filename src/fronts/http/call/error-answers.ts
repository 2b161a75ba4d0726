import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { toGatewayError } from '../../../grpc/server/status.ts'
import { GatewayError } from '../../../query/errors.ts'
import { isConsoleCall } from '../console/console-cookie.ts'
import { PROBLEM_TYPE, problemHeaders, problemOf } from './problem.ts'

/** Converts what a route, a hook or Fastify has thrown. */
export function httpErrorOf(thrown: unknown): GatewayError {
  const { code } = thrown as Partial<FastifyError>
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_ROUTE_MISSING_CONTENT_TYPE':
      return new GatewayError('WRONG_CONTENT_TYPE', 'Send the body as content-type: application/json.')
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new GatewayError('UNKNOWN_ROUTE', 'The path is malformed.')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new GatewayError('BAD_REQUEST', 'The body does not have the length that content-length tells.')
    default:
      return toGatewayError(thrown)
  }
}

/** Answers a request with an error, as problem+json. */
export function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = httpErrorOf(thrown)
  const { call } = request
  call.fail(error)
  void reply
    .code(error.http)
    .headers(problemHeaders(error, isConsoleCall(request.headers)))
    .serializer(JSON.stringify)
    .send(problemOf(error, call.requestId))
}

const clientErrors: Readonly<Record<string, GatewayError>> = {
  HPE_HEADER_OVERFLOW: new GatewayError('TOO_LARGE', 'The headers are above limits.maxMetadataBytes.'),
  ERR_HTTP_REQUEST_TIMEOUT: new GatewayError(
    'BODY_TIMEOUT',
    'The request did not arrive in time (http.bodyTimeoutMs).',
  ),
}
const malformed = new GatewayError('BAD_REQUEST', 'The request is not HTTP/1.1.')
const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Content Too Large',
}

/** Answers what is not even a request, and closes its connection. */
export function answerClientError({ code = '' }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const error = clientErrors[code] ?? malformed
  const body = JSON.stringify(problemOf(error, randomUUID()))
  const head = [
    `HTTP/1.1 ${error.http} ${reasons[error.http]}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
