import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import { errorSerializer, type StatementLogging } from './logged-error.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** How log lines look: JSON for machines, text for people, `auto` by whether standard output is a terminal. */
export type LogFormat = 'auto' | 'json' | 'text'

const REDACTED = [
  'password',
  'token',
  'key',
  'secret',
  'authorization',
  'headers.authorization',
  'headers.cookie',
  'headers["x-api-key"]',
  'headers["auth-token-bin"]',
  'err.headers',
  'err.trailers',
  '*.password',
  '*.token',
  '*.secret',
  '*.authorization',
]

/** How the logger writes; `docs/configuration.md` explains each. */
export interface LogConfig {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Levels as words, or as pino's numbers. */
  readonly levels: 'words' | 'numbers'
  /** Times as ISO 8601, or as Unix milliseconds. */
  readonly times: 'iso' | 'epochMs'
  readonly statements: StatementLogging
}

/** Lines are written when so many bytes have come together, or after so long. */
const GATHERED_BYTES = 8192
const FLUSH_INTERVAL_MS = 50

/**
 * The process's logger, on standard output. What could hold a secret is replaced, and errors (`err`) tell as much of
 * statements as the configuration allows.
 */
export async function createLogger({ level, format, levels, times, statements }: LogConfig): Promise<Logger> {
  const text = format === 'text' || (format === 'auto' && process.stdout.isTTY)
  const options = {
    level,
    base: null,
    redact: { paths: REDACTED, censor: '***' },
    serializers: { err: errorSerializer(statements) },
    ...(levels === 'words' && { formatters: { level: (label: string) => ({ level: label }) } }),
    ...(times === 'iso' && { timestamp: stdTimeFunctions.isoTime }),
  }
  // A write for each line costs a small statement more than the line itself. What is left is written when the process ends.
  if (!text) {
    const gathered = { minLength: GATHERED_BYTES, periodicFlush: FLUSH_INTERVAL_MS }
    return pino(options, pino.destination({ dest: 1, sync: false, ...gathered }))
  }
  const { PinoPretty } = await import('pino-pretty')
  const destination: DestinationStream = PinoPretty({ colorize: process.stdout.isTTY, ignore: 'event', sync: true })
  return pino(options, destination)
}
