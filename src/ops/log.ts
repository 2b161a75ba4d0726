import { type DestinationStream, type Logger, pino } from 'pino'

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
  '*.password',
  '*.token',
  '*.secret',
  '*.authorization',
]

/** The process's logger, on standard output; what could hold a secret is replaced. */
export async function createLogger(level: LogLevel, format: LogFormat): Promise<Logger> {
  const text = format === 'text' || (format === 'auto' && process.stdout.isTTY)
  const options = { level, base: null, redact: { paths: REDACTED, censor: '***' } }
  // Lines are gathered and written together; what is left is written when the process ends.
  if (!text) return pino(options, pino.destination({ dest: 1, sync: false }))
  const { PinoPretty } = await import('pino-pretty')
  const destination: DestinationStream = PinoPretty({ colorize: process.stdout.isTTY, ignore: 'event', sync: true })
  return pino(options, destination)
}
