import type { MessagePort } from 'node:worker_threads'
import type { ArrowErrorCode } from '../../../arrow/errors.ts'
import type { IngestTarget } from '../../../query/ingest.ts'
import type { BatchLimits } from '../encode/record-batches.ts'
import type { TableName } from '../native/appender.ts'
import type { Address } from '../native/library.ts'

/** What a worker is made with. */
export interface WorkerSetup {
  /** Words of `Control`. */
  readonly control: Int32Array
  /** Whether the source lets statements change data. */
  readonly writes: boolean
}

/** Positions in the memory shared between a worker and the main thread; from `BUSY_FLAGS` on one for each pooled body. */
export const Control = { credit: 0, stop: 1, inbox: 2, working: 3, chunks: 4 } as const
export const BUSY_FLAGS = 5
export const MAX_POOLED_BODIES = 12

/** Number of a body that is not pooled: it is dropped after use. */
export const UNPOOLED = -1

/** A body as the other thread learns of it; the memory itself is told once. */
export interface BodyReference {
  readonly id: number
  readonly memory?: SharedArrayBuffer
}

/** One encoded IPC message on its way to the main thread. */
export interface SentBatch {
  readonly header: Uint8Array
  readonly body: BodyReference
  readonly bodyLength: number
  /** 0 for a dictionary. */
  readonly rows: number
}

/** Statements that choose a schema and take the choice back. */
export interface UseSchema {
  readonly before: string
  readonly after: string
}

/** A piece of work on a connection that the main thread owns and lends. */
export type Order =
  | {
      readonly kind: 'plan'
      readonly connection: Address
      readonly sql: string
      /** Whether Arrow's extension types are used, see `DuckDbConfig.losslessTypes`. */
      readonly losslessTypes: boolean
      /** The connection is in a transaction already, which goes on. */
      readonly inTransaction: boolean
      /** What names without a schema mean, and what they mean again afterwards. */
      readonly use?: UseSchema
    }
  | {
      readonly kind: 'run'
      readonly connection: Address
      readonly sql: string
      /** As in planning. */
      readonly losslessTypes: boolean
      /** Whether it is a statement that changes data, and tells how many rows. */
      readonly isUpdate: boolean
      /** Whether it runs in a transaction that only reads. */
      readonly readOnly: boolean
      /** The connection is in a transaction already, which goes on. */
      readonly inTransaction: boolean
      /** Digest of the schema that the client was told, which the result must have; absent when it was told none. */
      readonly promised?: string
      /** The main thread has the promised schema, and gives it to the reader. */
      readonly schemaKnown: boolean
      /** Rows of parameters as an Arrow IPC stream. */
      readonly parameters?: Uint8Array
      readonly limits: BatchLimits
      readonly use?: UseSchema
    }
  | {
      readonly kind: 'ingest'
      readonly connection: Address
      readonly target: IngestTarget & TableName
      readonly schemaMessage: Uint8Array
      readonly inTransaction: boolean
      /** Brings the messages, each counted in `Control.inbox`, and `null` after the last. */
      readonly inbox: MessagePort
    }
  | { readonly kind: 'execute'; readonly connection: Address; readonly statements: readonly string[] }

/** What a prepared statement tells without running. */
export interface Description {
  /** Empty when it depends on the types of the parameters. */
  readonly schema: Uint8Array
  /** Of the schema; empty when that is. */
  readonly digest: string
  readonly type: number
  /** Empty when there are none. */
  readonly parameterSchema: Uint8Array
}

/** What went wrong: DuckDB's words, or the code of an ArrowError. */
export interface Failure {
  readonly message: string
  readonly arrow?: ArrowErrorCode
  /** The result has another schema than the client was told. */
  readonly isSchemaChange?: boolean
  /** The worker has died of the order, for want of memory of its own. */
  readonly isWorkerMemory?: boolean
}

/** What a worker says; `done` is last, and after it the worker no longer touches the connection. */
export type Reply =
  | { readonly kind: 'description'; readonly description: Description }
  /** A message of an ingestion has been appended: one more may be sent. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'schema'; readonly schema: Uint8Array }
  | { readonly kind: 'batch'; readonly batch: SentBatch }
  | {
      readonly kind: 'done'
      readonly error?: Failure
      /** Rows that the statement changed; -1 when unknown. */
      readonly affectedRows: number
      /** The connection's state is unknown: close it. */
      readonly broken: boolean
      /** The worker has died: what it began on the connection is still open. */
      readonly isOrphaned?: boolean
    }
