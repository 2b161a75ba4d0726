import type { MessagePort } from 'node:worker_threads'
import type { ArrowErrorCode } from '../../../arrow/errors.ts'
import type { Estimate } from '../../../query/estimate.ts'
import type { IngestTarget } from '../../../query/ingest.ts'
import type { BatchLimits } from '../encode/record-batches.ts'
import type { TableName } from '../native/appender.ts'
import type { Address } from '../native/library.ts'
import type { TypeForm } from '../types/plain-type.ts'

/** `workerData` of a worker thread. */
export interface WorkerSetup {
  /** Shared memory, indexed by `Control`. */
  readonly control: Int32Array
  /** Whether the source allows statements that change data. */
  readonly writes: boolean
}

/**
 * Indices into the memory that a worker thread shares with the main thread. From index `BUSY_FLAGS` on follows a busy flag
 * for each pooled body.
 */
export const Control = { credit: 0, stop: 1, inbox: 2, working: 3, chunks: 4 } as const
export const BUSY_FLAGS = 5
export const MAX_POOLED_BODIES = 12

/** Id of a body that is not pooled: the main thread drops it after use. */
export const UNPOOLED = -1

/** A body as the worker names it to the main thread. `memory` is sent only the first time. */
export interface BodyReference {
  readonly id: number
  readonly memory?: SharedArrayBuffer
}

/** One encoded IPC message, as the worker sends it to the main thread. */
export interface SentBatch {
  readonly header: Uint8Array
  readonly body: BodyReference
  readonly bodyLength: number
  /** 0 for a dictionary. */
  readonly rows: number
}

/** Statements that set the schema of unqualified names, and restore it. */
export interface SchemaSwitch {
  readonly before: string
  readonly after: string
}

/** A request to a worker thread. The main thread owns the connection and lends it for this request. */
export type WorkerRequest =
  | {
      readonly kind: 'plan'
      readonly connection: Address
      readonly sql: string
      /** Whether Arrow extension types are sent, see `DuckDbConfig.losslessTypes`. */
      readonly form: TypeForm
      /** Whether the client has an open transaction on the connection, which stays open. */
      readonly inTransaction: boolean
      /** Sets and restores the schema of unqualified names. */
      readonly schemaSwitch?: SchemaSwitch
    }
  | {
      readonly kind: 'run'
      readonly connection: Address
      readonly sql: string
      /** As in a `plan` request. */
      readonly form: TypeForm
      /** Whether the statement changes data; it then reports the number of changed rows. */
      readonly isUpdate: boolean
      /** Whether the worker runs the statement in a read-only transaction. */
      readonly readOnly: boolean
      /** Whether the client has an open transaction on the connection, which stays open. */
      readonly inTransaction: boolean
      /** Digest of the schema that the client was given, which the result must match; absent when it was given none. */
      readonly promised?: string
      /** The main thread already has the promised schema, so the worker does not send it. */
      readonly schemaKnown: boolean
      /** Rows of parameters as an Arrow IPC stream. */
      readonly parameters?: Uint8Array
      readonly limits: BatchLimits
      readonly schemaSwitch?: SchemaSwitch
    }
  | {
      readonly kind: 'ingest'
      readonly connection: Address
      readonly target: IngestTarget & TableName
      readonly schemaMessage: Uint8Array
      readonly inTransaction: boolean
      /** Delivers the uploaded messages, each counted in `Control.inbox`, then `null`. */
      readonly inbox: MessagePort
    }
  | {
      readonly kind: 'estimate'
      readonly connection: Address
      readonly sql: string
      readonly isUpdate: boolean
      readonly hasParameters: boolean
      /** As in a `run` request. */
      readonly parameters?: Uint8Array
      readonly schemaSwitch?: SchemaSwitch
    }
  | { readonly kind: 'execute'; readonly connection: Address; readonly statements: readonly string[] }

/** What DuckDB knows about a prepared statement before it runs. */
export interface Description {
  /** Empty when the schema depends on the types of the parameters. */
  readonly schema: Uint8Array
  /** Digest of the schema; empty when `schema` is empty. */
  readonly digest: string
  readonly type: number
  /** Empty when the statement has no parameters. */
  readonly parameterSchema: Uint8Array
}

/** A failed request: DuckDB's message, or an ArrowError's message with its code. */
export interface Failure {
  readonly message: string
  readonly arrow?: ArrowErrorCode
  /** The result's schema differs from the one that the client was given. */
  readonly isSchemaChange?: boolean
  /** The request ended the worker thread: its JavaScript heap was full. */
  readonly isWorkerMemory?: boolean
}

/** Ends the worker thread, in place of a request. */
export const END = 'end'

/** A message from the worker. After `done`, which is the last, the worker does not touch the connection. */
export type Reply =
  | { readonly kind: 'description'; readonly description: Description }
  | { readonly kind: 'estimate'; readonly estimate: Estimate }
  /** The worker has appended one message of an upload: the main thread may send the next. */
  | { readonly kind: 'consumed' }
  | { readonly kind: 'schema'; readonly schema: Uint8Array }
  | { readonly kind: 'batch'; readonly batch: SentBatch }
  | {
      readonly kind: 'done'
      readonly error?: Failure
      /** Rows that the statement changed; -1 when unknown. */
      readonly affectedRows: number
      /** The connection's state is unknown: close the connection. */
      readonly isConnectionBroken: boolean
      /** The worker thread ended before it finished: what it opened on the connection is still open. */
      readonly isOrphaned?: boolean
    }
