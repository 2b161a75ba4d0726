import type { Frame } from '../arrow/ipc/frame.ts'
import type { Grant } from './access/grant.ts'
import type { Charge } from './billing/charge.ts'
import type { CacheControl } from './cache/cache-control.ts'
import type { GatewayError } from './errors.ts'
import type { Estimate, EstimateAccuracy } from './estimate.ts'
import type { Ingest } from './ingest.ts'
import type { StatementTrace } from './statement-trace.ts'
import type { Span } from './tracing/span.ts'

/** How much a principal may use. An absent member or 0 is no limit. */
export interface Quotas {
  /** Requests per minute, over all fronts. */
  readonly requestsPerMinute?: number | undefined
  /** Statements that wait, run or are read at the same time. */
  readonly maxConcurrentStatements?: number | undefined
  /** Arrow bytes of results in a day of UTC. */
  readonly maxBytesPerDay?: number | undefined
}

/** The authenticated caller. */
export interface Principal {
  /** Name of the API key, or `anonymous`. */
  readonly name: string
  readonly roles: readonly string[]
  /** What its roles grant, with names in lower case; `grantsOf` reads it. Absent stands for the grants of the built-in roles. */
  readonly grants?: readonly Grant[]
  /** Source used if the call names none. */
  readonly defaultSource?: string
  /** Timeout of the principal's statements, including reading the result, in milliseconds. */
  readonly statementTimeoutMs?: number
  /** Limits of the principal instead of the general ones. */
  readonly quotas?: Quotas | undefined
  /** Groups of the principal, whose budgets it shares. */
  readonly groups?: readonly string[]
}

/** Options for Arrow types that some clients do not support. */
export interface TypeOptions {
  /** Whether types that plain Arrow lacks are sent as Arrow extension types; the source decides the default. */
  readonly losslessTypes?: boolean
  /** Whether columns may be dictionary-encoded; by default true. */
  readonly dictionaries?: boolean
}

/** Session options that apply to every query of the session. */
export interface SessionOptions extends TypeOptions {
  readonly catalog?: string
  readonly schema?: string
  /** Timeout of a statement, including reading the result, in milliseconds. */
  readonly timeoutMs?: number
  /** Whether the source may use a cached plan instead of asking the engine again; by default true. */
  readonly cache?: boolean
  /** Most that a statement may cost, in US dollars; lowers the limits of the configuration. */
  readonly maxCostUsd?: number
  /** Most bytes that a statement may bill; lowers the limits of the configuration. */
  readonly maxBilledBytes?: number
  /** Label under which what a statement costs is summed up: 1 to 63 of a-z, 0-9, _ and -. */
  readonly label?: string
  /** What the client asks of the result cache. */
  readonly cacheControl?: CacheControl
}

/** `read` must not change data, `write` must, `any` leaves it to the statement. */
export type Purpose = 'read' | 'write' | 'any'

/** A statement and its source, independent of protocol and engine. */
export interface Query {
  /** Name of a configured source. */
  readonly source: string
  readonly sql: string
  /** Parameter rows as an Arrow IPC stream; the statement runs once for each row. */
  readonly parameters?: Uint8Array
  readonly session: SessionOptions
  readonly purpose: Purpose
  /** Id of the transaction; absent with autocommit. */
  readonly transaction?: string
  /** Whether planning must return schema and parameters even if that costs the engine extra work. */
  readonly describe?: boolean
  /** Whether planning must return an estimate even if that costs the engine extra work. */
  readonly estimate?: boolean
  /** Whether the text came as raw command bytes, not as a Flight SQL message; a source may forward it verbatim. */
  readonly rawCommand?: boolean
}

/** gRPC metadata by lower-case name; values of names that end in `-bin` are base64. */
export type CallMetadata = Readonly<Record<string, string>>

/** Application metadata that an engine attaches to a FlightInfo and its endpoint, for clients. */
export interface AppMetadata {
  readonly info: Uint8Array
  readonly endpoint: Uint8Array
}

/** What a statement of a source that bills is expected to cost, for the reservation when it runs. */
export interface PlannedCost {
  /** Absent if the source cannot tell. */
  readonly billableBytes?: number
  /** Most bytes that the engine may bill for the same figures; absent if that is `billableBytes`. */
  readonly mostBytes?: number
  /** Absent if the source cannot tell. */
  readonly costUsd?: number
  /** Of a statement whose bytes are not sure: what it bills at most, unless the engine's figures leave something out. */
  readonly likelyBytes?: number
  readonly accuracy: EstimateAccuracy
  /** Region whose price applies. */
  readonly region: string
  /** Reservation that runs it; absent if it runs on demand. */
  readonly reservation?: string
  /** As `Estimate.externalCosts`. */
  readonly externalCosts?: readonly string[]
}

/** A query that only reads, ready to run. */
export interface PlannedRead {
  readonly kind: 'read'
  readonly query: Query
  /** Id of the execution, if a client may retry it and should then get the same rows. */
  readonly execution?: string
  /** Whether the principal may change data; if so, side effects of a query (such as nextval) are allowed. */
  readonly mayWrite?: boolean
  /** Opaque data that the source needs at `run`; keep it small. */
  readonly handle?: Uint8Array
  /** The result's schema as sent to the client. A plan has it, a ticket does not. */
  readonly schema?: Uint8Array
  /** Digest of that schema, for the result cache: its rows must have the columns that the client was told. */
  readonly schemaDigest?: string
  /** Whether the result cache records the rows and shares them between readers, so that nothing else need do so. */
  readonly isRecorded?: boolean
  /** Present if the source bills. */
  readonly cost?: PlannedCost
  /** Time that it took to plan, in milliseconds, for the list of recent statements. */
  readonly planMs?: number
  /** Digest of the grants that allow the tables which the engine told; present if the principal has grants on parts of the source. */
  readonly grantsDigest?: string
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
  /** As `PlannedRead.cost`. */
  readonly cost?: PlannedCost
  /** As `PlannedRead.planMs`. */
  readonly planMs?: number
  /** As `PlannedRead.grantsDigest`. */
  readonly grantsDigest?: string
}

/** A bulk ingestion. The query's text only describes it. Sources do not plan ingestions. */
export interface PlannedIngest {
  readonly kind: 'ingest'
  readonly query: Query
  readonly ingest: Ingest
}

/** A planned SQL statement, small enough for a sealed ticket. */
export type PlannedSql = PlannedRead | PlannedUpdate

/** The input of `run`. Only `read` changes no data. */
export type PlannedStatement = PlannedSql | PlannedIngest

/** The description of a statement that planning returns for clients. */
export interface PlanDescription {
  /**
   * Bare flatbuffer `Message` with the result's schema; equal to the schema of the result itself. Empty if it depends on the
   * types of unbound parameters.
   */
  readonly schema: Uint8Array
  /** Whether the client should run an update like a query, because the planner cannot rule out that it returns rows. */
  readonly mayReturnRows?: boolean
  /** Flatbuffer `Message` with the schema of the parameters; absent if the statement has none, or if they are unknown. */
  readonly parameterSchema?: Uint8Array
  /** Whether it is certain that the statement has no parameters: not every source can tell at planning. */
  readonly hasNoParameters?: boolean
  readonly appMetadata?: AppMetadata
  /** What of the engine's metadata the client may see. */
  readonly metadata?: CallMetadata
  /** What the statement would read and cost; absent unless the query asks for it or the engine tells it anyway. */
  readonly estimate?: Estimate
}

/** A planned statement and its description. */
export type Plan = PlannedSql & PlanDescription

/** Counters that grow while a result is read. */
export interface ResultStats {
  rows: number
  bytes: number
  /** Number of changed rows, known after the statement has ended; -1 if unknown. */
  affectedRows: number
}

/**
 * A running result. The reader pulls `frames`; the source produces ahead only into a bounded buffer (backpressure). Ending the
 * iterator early (`return`) or aborting the context's signal stops the engine's work.
 * The consumer of a frame must call its `release` exactly once.
 */
export interface Result {
  readonly schema: Frame
  readonly frames: AsyncIterable<readonly Frame[]>
  readonly stats: ResultStats
  /** What of the engine's metadata the client may see. */
  readonly metadata?: CallMetadata
  /** Progress from 0 to 1; undefined if the engine does not report it. */
  readonly progress?: () => number | undefined
}

/** The logger interface of the pipeline and the sources, compatible with pino. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** The client connection that carries a call. */
export interface ClientConnection {
  /** Whether the gateway has asked the client to reconnect, for example because of the connection's age. */
  readonly isLeaving: boolean
  /** Calls a listener when the connection closes, or immediately if it is closed already. */
  onceClosed(listener: () => void): void
}

/** Who reads the result of a statement, such as the client's call. */
export interface StatementReader {
  /** Ends the reading with this error, which aborts the context's signal with the same reason. */
  end(reason: GatewayError): void
}

/** Tells whether a call may have changed data, so that its client must not repeat it unseen. */
export interface ChangeMark {
  mayHaveChanged: boolean
}

/** The context of a call. */
export interface Context {
  readonly principal: Principal
  /** Aborts when the client cancels, the deadline passes or the process stops; `reason` is a GatewayError. */
  readonly signal: AbortSignal
  /** Deadline of the call, in Unix milliseconds; `Infinity` if unlimited. */
  readonly deadlineAt: number
  readonly requestId: string
  readonly log: Logger
  /** Name of the front that received the call, for lists of statements: no stage decides by it. */
  readonly front?: string | undefined
  /** The client's address and port; absent if no client waits for the answer. */
  readonly peer?: string | undefined
  /** The request metadata of the call. */
  readonly metadata?: Readonly<Record<string, string | readonly string[] | undefined>> | undefined
  /** The client's connection; absent if no client waits for the answer. */
  readonly connection?: ClientConnection | undefined
  /**
   * What a cancel of the statement ends; absent if the call does more than this statement. A front sets it, so that a cancel
   * also reaches a client that does not read. Without it only the signal aborts, and the reader gets the error at its next pull.
   */
  readonly reader?: StatementReader | undefined
  /** Whether the client polls the progress of the result; if not, the engine need not track it. */
  readonly trackProgress?: boolean | undefined
  /** The holder whose share of slots and workers the call uses, if it is not the principal; see `holderOf`. */
  readonly holder?: string | undefined
  /** The type options for schemas of tables. */
  readonly types?: TypeOptions | undefined
  /** Set before the gateway asks a source to change data for the call. */
  readonly changeMark?: ChangeMark | undefined
  /** Filled in by the stages while the statement runs, for fronts that report it. One trace belongs to one statement. */
  readonly trace?: StatementTrace | undefined
  /** The span of the call, or of what it does for one statement; absent if tracing is off. */
  readonly span?: Span | undefined
  /** Account of the statement; the budget stage sets it for sources that bill. */
  readonly charge?: Charge | undefined
  /**
   * Holds the reports of a planning that fails: audit, metrics and usage. Set if the failure may not be final, because the
   * statement may be planned again; who sets it makes the reports once the failure is final.
   */
  readonly heldReports?: (() => void)[] | undefined
}

/** Who uses slots, requests and quotas. */
export type Caller = Pick<Context, 'principal' | 'holder'>

/** Returns the holder whose share of slots and workers a call uses: the principal or, without credentials, the connection. */
export function holderOf({ holder, principal }: Caller): string {
  return holder ?? principal.name
}

/** Result of a health check of a source. */
export interface Health {
  readonly ok: boolean
  /** One sentence for operators, without secrets. */
  readonly detail: string
}
