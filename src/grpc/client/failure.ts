import { GrpcStatus, type GrpcStatusName } from '../../query/errors.ts'

/** Of an error's text, as it is encoded, what is kept: clients are told less, and logs need no more. */
const MAX_MESSAGE_CHARACTERS = 16 << 10
/** As long as an encoded character can be. */
const LONGEST_CHARACTER = 12

const names = Object.fromEntries(
  Object.entries(GrpcStatus).map(([name, code]) => [code, name as GrpcStatusName]),
) as Readonly<Record<number, GrpcStatusName>>

/** Who failed: the upstream answered with a status, or it could not be talked to. */
export type FailureOrigin = 'upstream' | 'local'

type Trailers = Readonly<Record<string, string | readonly string[] | undefined>>

/** What may be known of a failure besides. */
export interface GrpcFailureOptions {
  readonly cause?: unknown
  readonly notProcessed?: boolean
  readonly trailers?: Trailers
}

/** A call to an upstream that did not end well. */
export class GrpcFailure extends Error {
  override readonly name = 'GrpcFailure'
  readonly status: GrpcStatusName
  readonly origin: FailureOrigin
  /** Whether the upstream has certainly not begun to work on the call. */
  readonly notProcessed: boolean
  /** What came with the upstream's status. */
  readonly #trailers: Trailers

  constructor(status: GrpcStatusName, message: string, origin: FailureOrigin, options: GrpcFailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.status = status
    this.origin = origin
    this.notProcessed = options.notProcessed ?? false
    this.#trailers = options.trailers ?? {}
  }

  /** What came with the upstream's status; no property of its own, as logs write those and it may hold cookies and tokens. */
  get trailers(): Trailers {
    return this.#trailers
  }
}

/** A message of an upstream that is above the limit for messages, as it will be the next time. */
export class OversizedMessage extends GrpcFailure {
  readonly byteLength: number
  readonly maxBytes: number

  constructor(byteLength: number, maxBytes: number) {
    super('RESOURCE_EXHAUSTED', `a message of ${byteLength} bytes is above the limit of ${maxBytes}`, 'local')
    this.byteLength = byteLength
    this.maxBytes = maxBytes
  }
}

/** An answer of an upstream that is above a limit of ours, as it will be the next time. */
export class OversizedAnswer extends GrpcFailure {
  /** @param message what it has too much of, as it can be told to clients */
  constructor(message: string) {
    super('RESOURCE_EXHAUSTED', message, 'upstream')
  }
}

/** The upstream has ended a connection with GOAWAY before it took a call on it. */
export class TurnedAway extends GrpcFailure {
  constructor(why: string) {
    super('UNAVAILABLE', why, 'local', { notProcessed: true })
  }
}

/**
 * The failure that a call's trailers tell of; undefined when they tell of success.
 * Source: PROTOCOL-HTTP2.md, "Responses".
 */
export function failureOf(trailers: Trailers): GrpcFailure | undefined {
  const code = trailers['grpc-status']
  if (code === undefined) return new GrpcFailure('DATA_LOSS', 'the stream ended without a status', 'local')
  if (code === '0') return undefined
  const message = decodeMessage(trailers['grpc-message'])
  return new GrpcFailure(names[Number(code)] ?? 'UNKNOWN', message, 'upstream', { trailers })
}

/** Percent-decodes a status message, which is cut where it is long; what is malformed stays as it is. */
function decodeMessage(value: unknown): string {
  const whole = typeof value === 'string' ? value : ''
  if (whole.length <= MAX_MESSAGE_CHARACTERS) return percentDecoded(whole) ?? whole
  const text = whole.slice(0, MAX_MESSAGE_CHARACTERS)
  for (let less = 0; less < LONGEST_CHARACTER; less++) {
    const decoded = percentDecoded(text.slice(0, text.length - less))
    if (decoded !== undefined) return `${decoded}...`
  }
  return `${text}...`
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** What an HTTP status means where there is no gRPC status. Source: doc/http-grpc-status-mapping.md of grpc. */
export function failureOfHttpStatus(status: number): GrpcFailure {
  const by: Readonly<Record<number, GrpcStatusName>> = {
    400: 'INTERNAL',
    401: 'UNAUTHENTICATED',
    403: 'PERMISSION_DENIED',
    404: 'UNIMPLEMENTED',
    429: 'UNAVAILABLE',
    502: 'UNAVAILABLE',
    503: 'UNAVAILABLE',
    504: 'UNAVAILABLE',
  }
  return new GrpcFailure(by[status] ?? 'UNKNOWN', `the server answered with HTTP status ${status}`, 'local')
}
