import { GrpcFailure, OversizedAnswer, OversizedMessage, TurnedAway } from '../../grpc/client/failure.ts'
import { type ErrorCode, GatewayError, type GrpcStatusName } from '../../query/errors.ts'
import { type ForwardingConfig, metadataToClient } from './metadata-forwarding.ts'
import { RefusedLogin } from './protocol/refused-login.ts'

const MAX_TEXT = 2000
/** Characters of a message that are searched for the text that servers append for their developers. */
const MAX_READ_TEXT = 16_384

/** Error codes by status, for responses of the upstream. */
const answered: Readonly<Partial<Record<GrpcStatusName, ErrorCode>>> = {
  INVALID_ARGUMENT: 'BAD_SQL',
  FAILED_PRECONDITION: 'BAD_SQL',
  OUT_OF_RANGE: 'BAD_DATA',
  NOT_FOUND: 'UNKNOWN_OBJECT',
  ALREADY_EXISTS: 'ALREADY_EXISTS',
  PERMISSION_DENIED: 'UPSTREAM_FORBIDDEN',
  UNAUTHENTICATED: 'UPSTREAM_LOGIN',
  RESOURCE_EXHAUSTED: 'UPSTREAM_EXHAUSTED',
  ABORTED: 'CONFLICT',
  UNIMPLEMENTED: 'UPSTREAM_UNIMPLEMENTED',
  DEADLINE_EXCEEDED: 'UPSTREAM_TIMEOUT',
  CANCELLED: 'UPSTREAM_CANCELLED',
  UNAVAILABLE: 'UPSTREAM_BUSY',
  DATA_LOSS: 'UPSTREAM_DATA',
}

/** Error codes by status, for failures without a response: no connection, or a broken stream. */
const broken: Readonly<Partial<Record<GrpcStatusName, ErrorCode>>> = {
  RESOURCE_EXHAUSTED: 'UPSTREAM_EXHAUSTED',
  DEADLINE_EXCEEDED: 'DEADLINE',
  DATA_LOSS: 'UPSTREAM_DATA',
}

/** Codes whose upstream message the client may read. Messages of other codes may reveal internals of the upstream. */
const quoted = new Set<ErrorCode>([
  'BAD_SQL',
  'BAD_DATA',
  'UNKNOWN_OBJECT',
  'ALREADY_EXISTS',
  'CONFLICT',
  'UPSTREAM_FORBIDDEN',
])

/** Phrases by which engines report an invalid statement. */
const aboutStatement =
  /syntax|pars(e|ing)|SQL (logic )?error|no such (table|column|function)|(no|unknown|invalid|ambiguous|unresolved) (table|column|field|function|schema|relation|reference|identifier)|(not found|does not exist)|type mismatch|cannot be (cast|coerced|applied)|error during planning|constraint|divi(de|sion) by zero|overflow/i

/** Further such phrases: an object and a complaint, in any order. */
const object = /(table|column|field|function|schema|relation|view)\b/i
const complaint = /not found|not exist|unknown|ambiguous/i

/** How errors of an upstream are shown to clients. */
export interface ErrorPolicy {
  /** The trailers of the upstream that the client may see; by default none. */
  readonly forward?: ForwardingConfig
  /** Whether the upstream's status tells errors of statements apart. */
  readonly classifiesErrors?: boolean
}

/** Converts a failure of an upstream to the error that a client may see. Returns anything else unchanged. */
export function upstreamError(
  thrown: unknown,
  source: string,
  { forward, classifiesErrors = true }: ErrorPolicy = {},
): unknown {
  if (!(thrown instanceof GrpcFailure)) return thrown
  const { status, origin, message } = thrown
  if (thrown instanceof OversizedAnswer)
    return new GatewayError('UPSTREAM_TOO_LARGE', `The source ${source} answered with ${message}.`, { cause: thrown })
  if (thrown instanceof RefusedLogin) {
    const said = `The source ${source} refuses the login that stands for ${thrown.standsFor}: its operator must check sources.${source}.identity.`
    return new GatewayError('UPSTREAM_FORBIDDEN', said, { cause: thrown })
  }
  if (origin === 'upstream') {
    const metadata = forward && metadataToClient(thrown.trailers, forward)
    const text = cleaned(message)
    const unclassified = !classifiesErrors && (status === 'UNKNOWN' || status === 'INTERNAL')
    const isStatement = unclassified && isAboutStatement(text.split('\n')[0]!)
    const code = isStatement ? 'BAD_SQL' : (answered[status] ?? 'UPSTREAM_FAILED')
    const said = quoted.has(code) && text !== '' ? text : undefined
    return new GatewayError(code, said ?? sentence(code, source), {
      cause: thrown,
      engineError: status,
      ...(metadata && { metadata }),
    })
  }
  if (thrown instanceof OversizedMessage) {
    const { byteLength, maxBytes } = thrown
    const limit = `above the limit of ${maxBytes} (sources.${source}.maxMessageBytes)`
    const said = `The source ${source} sent a message of ${byteLength} bytes, ${limit}.`
    return new GatewayError('UPSTREAM_TOO_LARGE', said, { cause: thrown })
  }
  if (thrown instanceof TurnedAway) {
    const said = `The source ${source} closes connections before it accepts a statement (GOAWAY): try again later.`
    return new GatewayError('SOURCE_UNAVAILABLE', said, { cause: thrown })
  }
  const code = broken[status] ?? 'SOURCE_UNAVAILABLE'
  // A timeout in the pool's queue does not prove a limit of the server.
  if (code === 'UPSTREAM_EXHAUSTED')
    return new GatewayError(thrown.notProcessed ? 'QUEUE_TIMEOUT' : code, `${source}: ${message}.`, { cause: thrown })
  if (code === 'UPSTREAM_DATA') {
    // The gateway wrote this message.
    const said = `The source ${source} sent malformed or cut-off data: ${cleaned(message)}.`
    return new GatewayError(code, said, { cause: thrown })
  }
  return new GatewayError(code, code === 'DEADLINE' ? undefined : sentence(code, source), { cause: thrown })
}

function isAboutStatement(line: string): boolean {
  return aboutStatement.test(line) || (object.test(line) && complaint.test(line))
}

function sentence(code: ErrorCode, source: string): string {
  const by: Readonly<Partial<Record<ErrorCode, string>>> = {
    SOURCE_UNAVAILABLE: `The source ${source} cannot be reached, or closed the connection: try again later.`,
    UPSTREAM_BUSY: `The source ${source} had no resources for the statement, or failed at reading: try again later.`,
    UPSTREAM_LOGIN: `The source ${source} does not take the gateway's login: its operator must fix it.`,
    UPSTREAM_TIMEOUT: `The source ${source} ended the statement at a time limit of its own.`,
    UPSTREAM_CANCELLED: `The source ${source} cancelled the statement.`,
    UPSTREAM_UNIMPLEMENTED: `The source ${source} does not offer this.`,
    UPSTREAM_EXHAUSTED: `The source ${source} is at a limit of its own: try again later.`,
    UPSTREAM_DATA: `The source ${source} sent malformed or cut-off data.`,
    UPSTREAM_FAILED: `The source ${source} failed at the statement: the gateway's log tells more under the request id.`,
  }
  return by[code] ?? `The source ${source} failed.`
}

/** A message without the stack traces and code positions that servers append, cut off at `MAX_TEXT` characters. */
function cleaned(message: string): string {
  const text = message
    .slice(0, MAX_READ_TEXT)
    .split(/\.? Detail: Python exception|\. gRPC client debug|\n[^\S\n]+at |\nTraceback|\n\n\(org\.|\nCaused by/)[0]!
    .replace(/ at [\w./-]+\.(rs|go|java|cc|cpp|h|py|ts|js):\d+(:\d+)?/g, '')
    .replace(/\p{Cc}+/gu, (control) => (control.includes('\n') ? '\n' : ' '))
    .trim()
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text
}
