import { GrpcStatus, type GrpcStatusName } from '../../query/errors.ts'

/** Limit of an encoded error message; clients get less, and logs need no more. */
const MAX_MESSAGE_CHARACTERS = 16 << 10
/** Maximum length of a percent-encoded character. */
const LONGEST_CHARACTER = 12

const names = Object.fromEntries(
  Object.entries(GrpcStatus).map(([name, code]) => [code, name as GrpcStatusName]),
) as Readonly<Record<number, GrpcStatusName>>

/** Origin of a failure: `upstream` if the upstream returned a status, `local` if the gateway ended the call. */
export type FailureOrigin = 'upstream' | 'local'

type Trailers = Readonly<Record<string, string | readonly string[] | undefined>>

/** Optional details of a failure. */
export interface GrpcFailureOptions {
  readonly cause?: unknown
  readonly notProcessed?: boolean
  readonly trailers?: Trailers
}

/** A failed call to an upstream. */
export class GrpcFailure extends Error {
  override readonly name = 'GrpcFailure'
  readonly status: GrpcStatusName
  readonly origin: FailureOrigin
  /** Whether the upstream certainly has not processed the call, so that a retry is safe. */
  readonly notProcessed: boolean
  /** Trailers with the upstream's status. */
  readonly #trailers: Trailers

  constructor(status: GrpcStatusName, message: string, origin: FailureOrigin, options: GrpcFailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.status = status
    this.origin = origin
    this.notProcessed = options.notProcessed ?? false
    this.#trailers = options.trailers ?? {}
  }

  /** Trailers with the upstream's status. Not an own property: logs write those, and trailers may hold cookies and tokens. */
  get trailers(): Trailers {
    return this.#trailers
  }
}

/** A message of an upstream exceeds the message limit; a retry would fail too. */
export class OversizedMessage extends GrpcFailure {
  readonly byteLength: number
  readonly maxBytes: number

  constructor(byteLength: number, maxBytes: number) {
    super('RESOURCE_EXHAUSTED', `a message of ${byteLength} bytes exceeds the limit of ${maxBytes}`, 'local')
    this.byteLength = byteLength
    this.maxBytes = maxBytes
  }
}

/** A response of an upstream exceeds another limit of the gateway; a retry would fail too. */
export class OversizedAnswer extends GrpcFailure {
  /** @param message noun phrase for clients, completes "the source answered with": "a result in more than 10000 parts" */
  constructor(message: string) {
    super('RESOURCE_EXHAUSTED', message, 'upstream')
  }
}

/** The upstream ended the connection with GOAWAY before it processed the call. */
export class TurnedAway extends GrpcFailure {
  constructor(why: string) {
    super('UNAVAILABLE', why, 'local', { notProcessed: true })
  }
}

/** The response ended early: in the middle of a message, or without a status. What came before it is intact. */
export class CutOff extends GrpcFailure {
  constructor(why: string) {
    super('DATA_LOSS', why, 'local')
  }
}

/**
 * Converts a call's trailers into a failure; undefined for success.
 * Source: PROTOCOL-HTTP2.md, "Responses".
 */
export function failureOf(trailers: Trailers): GrpcFailure | undefined {
  const code = trailers['grpc-status']
  if (code === undefined) return new CutOff('the stream ended without a status')
  if (code === '0') return undefined
  const message = decodeMessage(trailers['grpc-message'])
  return new GrpcFailure(names[Number(code)] ?? 'UNKNOWN', message, 'upstream', { trailers })
}

/** Percent-decodes a status message and truncates a long one; malformed text is returned as it is. */
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

/** Converts an HTTP status, if there is no gRPC status. Source: doc/http-grpc-status-mapping.md of grpc. */
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
