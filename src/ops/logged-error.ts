import { stdSerializers } from 'pino'

/** How much of statements the log may hold, including the engines' messages about them and values. */
export type StatementLogging = 'hash' | 'text' | 'none'

/** Maximum number of nested causes in the log. */
const MAX_CAUSES = 5

/** An error as logged. */
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
 * Returns a serializer that reduces an error to what the log may show. Unless statement texts may be logged, it omits messages,
 * since engines quote statements and values in them. The kind of error, the stack frames and the causes stay.
 */
export function errorSerializer(statements: StatementLogging): (error: unknown) => unknown {
  if (statements === 'text') return (error) => stdSerializers.err(error as Error)
  return (error) => (error instanceof Error ? describe(error, 0) : error)
}

interface ErrorFields extends Error {
  readonly code?: unknown
  readonly status?: unknown
  readonly engineError?: unknown
  readonly publicMessage?: unknown
}

function describe(error: ErrorFields, depth: number): LoggedError {
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

/** Whether a value is a code of the gateway, of gRPC or of the operating system, such as ECONNRESET. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Z][A-Z0-9_]{0,63}$/.test(value)
}

/** The stack without the message at its start; empty if the stack does not contain the message. */
function framesOf({ stack = '', message }: Error): string {
  const at = stack.indexOf(message)
  if (at < 0) return ''
  return stack
    .slice(at + message.length)
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .join('\n')
}
