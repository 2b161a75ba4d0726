import type { IpcMessage } from '../arrow/ipc/ipc.ts'

/** The table that rows are uploaded to, and what happens when it is there or is not. */
export interface IngestTarget {
  readonly catalog?: string
  readonly schema?: string
  readonly table: string
  readonly ifNotExists: 'create' | 'fail'
  readonly ifExists: 'append' | 'replace' | 'fail'
}

/** Rows on their way into a table. */
export interface Ingest extends IngestTarget {
  /** Bare flatbuffer `Message` with the schema of the rows. */
  readonly schemaMessage: Uint8Array
  /** Record batches and dictionaries, pulled as the engine takes them. */
  readonly messages: AsyncIterable<IpcMessage>
  /** What the client says to the engine besides, by names that only the engine knows. */
  readonly options: Readonly<Record<string, string>>
}
