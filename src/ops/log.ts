import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import { errorSerializer, type StatementLogging } from './logged-error.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Format of log lines: JSON, text for people, or `auto` (text if standard output is a terminal, else JSON). */
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

/** Settings of the logger; see `docs/configuration.md`. */
export interface LogConfig {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Levels as words or as pino's numbers. */
  readonly levels: 'words' | 'numbers'
  /** Times as ISO 8601 or as Unix milliseconds. */
  readonly times: 'iso' | 'epochMs'
  readonly statements: StatementLogging
}

/** Log lines are buffered and written at this number of bytes or after this interval. */
const BUFFERED_BYTES = 8192
/** The system writes so many bytes to a pipe at once (PIPE_BUF), so that lines of several processes do not mix. */
const UNMIXED_BYTES = 4096
const FLUSH_INTERVAL_MS = 50

/** The children of each logger that `createLogger` has made: a child keeps the level of its beginning. */
const childrenOf = new WeakMap<Logger, Set<WeakRef<Logger>>>()

/** Changes the level of a logger from `createLogger`, and of its children. */
export function setLogLevel(log: Logger, level: LogLevel): void {
  log.level = level
  const children = childrenOf.get(log)
  for (const reference of children ?? []) {
    const child = reference.deref()
    if (child) child.level = level
    else children!.delete(reference)
  }
}

/**
 * Creates the process's logger, on standard output. It redacts fields that could hold a secret. Errors (`err`) show as much
 * of statements as the configuration allows.
 * @param base members of each line, of one of several processes that write to the same output
 */
export async function createLogger(
  { level, format, levels, times, statements }: LogConfig,
  base: Readonly<Record<string, unknown>> | null = null,
): Promise<Logger> {
  const text = format === 'text' || (format === 'auto' && process.stdout.isTTY)
  const children = new Set<WeakRef<Logger>>()
  const options = {
    level,
    onChild: (child: Logger) => void children.add(new WeakRef(child)),
    base,
    redact: { paths: REDACTED, censor: '***' },
    serializers: { err: errorSerializer(statements) },
    ...(levels === 'words' && { formatters: { level: (label: string) => ({ level: label }) } }),
    ...(times === 'iso' && { timestamp: stdTimeFunctions.isoTime }),
  }
  // Buffered, since one write per line costs more than the line itself. The rest is written when the process ends.
  if (!text) {
    const size = base ? { minLength: UNMIXED_BYTES - 1, maxWrite: UNMIXED_BYTES } : { minLength: BUFFERED_BYTES }
    const buffering = { ...size, periodicFlush: FLUSH_INTERVAL_MS }
    return withChildren(pino(options, pino.destination({ dest: 1, sync: false, ...buffering })), children)
  }
  const { PinoPretty } = await import('pino-pretty')
  const destination: DestinationStream = PinoPretty({ colorize: process.stdout.isTTY, ignore: 'event', sync: true })
  return withChildren(pino(options, destination), children)
}

function withChildren(log: Logger, children: Set<WeakRef<Logger>>): Logger {
  childrenOf.set(log, children)
  return log
}
