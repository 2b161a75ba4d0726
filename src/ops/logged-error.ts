import { stdSerializers } from 'pino'

/** What of statements the log may hold: also what engines say of them, and values. */
export type StatementLogging = 'hash' | 'text' | 'none'

/** Longest chain of causes that is logged. */
const MAX_CAUSES = 5

/** An error as the log shows it. */
interface LoggedError {
  readonly type: string
  readonly code?: string
  readonly status?: string
  readonly engineError?: string
  readonly message?: string
  readonly stack?: string
  readonly cause?: LoggedError
}

/**
 * Makes of an error what the log may show of it. Unless the texts of statements may be logged, no message is: engines quote
 * statements and values in theirs. What stays is what kind of error it is and where it was thrown, causes included.
 */
export function errorSerializer(statements: StatementLogging): (error: unknown) => unknown {
  if (statements === 'text') return (error) => stdSerializers.err(error as Error)
  return (error) => (error instanceof Error ? describe(error, 0) : error)
}

interface Told extends Error {
  readonly code?: unknown
  readonly status?: unknown
  readonly engineError?: unknown
  readonly publicMessage?: unknown
}

function describe(error: Told, depth: number): LoggedError {
  const { code, status, engineError, publicMessage, cause } = error
  const stack = framesOf(error)
  return {
    type: error.constructor.name,
    ...(isName(code) && { code }),
    ...(isName(status) && { status }),
    ...(typeof engineError === 'string' && { engineError }),
    ...(typeof publicMessage === 'string' && { message: publicMessage }),
    ...(stack !== '' && { stack }),
    ...(cause instanceof Error && depth < MAX_CAUSES && { cause: describe(cause, depth + 1) }),
  }
}

/** Whether it is a name of ours, of gRPC or of the operating system, such as ECONNRESET. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Z][A-Z0-9_]{0,63}$/.test(value)
}

/** The stack without the message, which it begins with; nothing when the message is not found there. */
function framesOf({ stack = '', message }: Error): string {
  const at = stack.indexOf(message)
  if (at < 0) return ''
  return stack
    .slice(at + message.length)
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .join('\n')
}
