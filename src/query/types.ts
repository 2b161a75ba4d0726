import type { Frame } from '../arrow/ipc/frame.ts'
import type { Ingest } from './ingest.ts'

/** Who is calling, as the front established it. */
export interface Principal {
  /** Name of the API key, or `anonymous`. */
  readonly name: string
  readonly roles: readonly string[]
  /** Source used when the call names none. */
  readonly defaultSource?: string
  /** Longest time that a statement of it may run and be read, in milliseconds. */
  readonly statementTimeoutMs?: number
}

/** In which form a client gets what not every client knows of Arrow. */
export interface TypeOptions {
  /** Whether types that plain Arrow does not have are sent as its extension types; by default as the source says. */
  readonly losslessTypes?: boolean
  /** Whether a column may come as indices into a dictionary; it may unless this is false. */
  readonly dictionaries?: boolean
}

/** Options that a client's session carries into every query of it. */
export interface SessionOptions extends TypeOptions {
  readonly catalog?: string
  readonly schema?: string
  /** Limit of a statement's run time, in milliseconds. */
  readonly timeoutMs?: number
  /** Whether what is remembered may be used in place of asking the engine again; it may unless this is false. */
  readonly cache?: boolean
}

/** `read` must not change data, `write` must, `any` leaves it to the statement. */
export type Purpose = 'read' | 'write' | 'any'

/** A statement and where it goes; nothing in it is protocol- or engine-specific. */
export interface Query {
  /** Name of a configured source. */
  readonly source: string
  readonly sql: string
  /** Rows of parameters as an Arrow IPC stream; the statement runs once for each. */
  readonly parameters?: Uint8Array
  readonly session: SessionOptions
  readonly purpose: Purpose
  /** Id of the transaction it belongs to; without one the statement stands alone. */
  readonly transaction?: string
  /** Whether planning must tell schema and parameters even where that takes the engine some work. */
  readonly describe?: boolean
  /** The text came as the raw bytes of a command, not as a Flight SQL message; a source may forward it verbatim. */
  readonly rawCommand?: boolean
}

/** Metadata by lower-case name, as HTTP/2 carries it: what ends in `-bin` is base64. */
export type CallMetadata = Readonly<Record<string, string>>

/** Bytes that an engine attaches to what it says of a result; meant for clients. */
export interface AppMetadata {
  readonly info: Uint8Array
  readonly endpoint: Uint8Array
}

/** A query that only reads, ready to run. */
export interface PlannedRead {
  readonly kind: 'read'
  readonly query: Query
  /** Names the execution, when it may be asked for again and should then give the same rows. */
  readonly execution?: string
  /** Whether the principal may change data, so that a query with side effects (such as nextval) may have them. */
  readonly mayWrite?: boolean
  /** Whatever the source wants back at `run`; opaque, keep it small. */
  readonly handle?: Uint8Array
  /** The result's schema as the client was told it, where it is at hand: a plan has it, a ticket does not. */
  readonly schema?: Uint8Array
}

/** A statement that changes data or the catalog, ready to run. */
export interface PlannedUpdate {
  readonly kind: 'update'
  readonly query: Query
  /** As `PlannedRead.execution`. */
  readonly execution?: string
  /** As `PlannedRead.handle`. */
  readonly handle?: Uint8Array
  /** As `PlannedRead.schema`. */
  readonly schema?: Uint8Array
}

/** Rows to put into a table; the query's text only describes them. No source plans an ingestion. */
export interface PlannedIngest {
  readonly kind: 'ingest'
  readonly query: Query
  readonly ingest: Ingest
}

/** A planned statement whose text the source runs; small enough to travel inside a sealed ticket. */
export type PlannedSql = PlannedRead | PlannedUpdate

/** What running a statement takes. Only `read` changes nothing. */
export type PlannedStatement = PlannedSql | PlannedIngest

/** What planning tells of a statement besides how to run it. */
export interface PlanDescription {
  /**
   * Bare flatbuffer `Message` with the result's schema; the result's own schema equals it. Empty when it depends on the
   * types of parameters that are not bound.
   */
  readonly schema: Uint8Array
  /** Whether the client should ask an update for rows, as it asks a query, since the planner cannot rule them out. */
  readonly mayReturnRows?: boolean
  /** Flatbuffer `Message` with the schema of the parameters; absent when the statement has none. */
  readonly parameterSchema?: Uint8Array
  readonly appMetadata?: AppMetadata
  /** What of the engine's metadata the client may see. */
  readonly metadata?: CallMetadata
}

/** What is known of a query before it runs. */
export type Plan = PlannedSql & PlanDescription

/** Counters that grow while a result is read. */
export interface ResultStats {
  rows: number
  bytes: number
  /** Rows that a statement changed, known when it has ended; -1 when unknown. */
  affectedRows: number
}

/**
 * A running result. `frames` is pulled: nothing is produced ahead beyond the source's bounded buffer, and ending the
 * iterator early (`return`) or aborting the context's signal stops the work at the engine.
 * Each frame's `release` must be called exactly once by whoever consumed it.
 */
export interface Result {
  readonly schema: Frame
  readonly frames: AsyncIterable<readonly Frame[]>
  readonly stats: ResultStats
  /** What of the engine's metadata the client may see. */
  readonly metadata?: CallMetadata
  /** How much of the work is done, from 0 to 1; undefined when the engine cannot tell. */
  readonly progress?: () => number | undefined
}

/** The part of a logger that the pipeline and the sources use (pino's shape). */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** The connection that a client's call came on. */
export interface ClientConnection {
  /** Whether the client was asked to leave it for another, as one that has become old. */
  readonly isLeaving: boolean
  /** Has a listener told when it is over; at once when it is already. */
  onceClosed(listener: () => void): void
}

/** What accompanies a call on its way down. */
export interface Context {
  readonly principal: Principal
  /** Aborts when the client leaves, the deadline passes or the process stops; `reason` is a GatewayError. */
  readonly signal: AbortSignal
  /** Unix time in milliseconds after which the call is over; `Infinity` when unlimited. */
  readonly deadlineAt: number
  readonly requestId: string
  readonly log: Logger
  /** The metadata that came with the call. */
  readonly metadata?: Readonly<Record<string, string | readonly string[] | undefined>> | undefined
  /** Where the call came from; absent when no client waits for the answer. */
  readonly connection?: ClientConnection | undefined
  /** Whether a client asks for the progress of the result; otherwise an engine need not count it. */
  readonly trackProgress?: boolean | undefined
  /** Whose share of slots and workers the call takes where that is not the principal's, see `holderOf`. */
  readonly holder?: string | undefined
  /** What `SessionOptions` say of types, for the schemas of tables. */
  readonly types?: TypeOptions | undefined
}

/** Whose share of slots and workers a call takes: the principal's; without credentials each connection has its own. */
export function holderOf({ holder, principal }: Context): string {
  return holder ?? principal.name
}

/** Result of a health check of a source. */
export interface Health {
  readonly ok: boolean
  /** One sentence for operators; holds no secret. */
  readonly detail: string
}
