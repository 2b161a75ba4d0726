import type { IpcMessage } from '../arrow/ipc/ipc.ts'

/** The target table of an upload, and what to do if it exists or does not. */
export interface IngestTarget {
  readonly catalog?: string
  readonly schema?: string
  readonly table: string
  readonly ifNotExists: 'create' | 'fail'
  readonly ifExists: 'append' | 'replace' | 'fail'
}

/** An upload of rows into a table. */
export interface Ingest extends IngestTarget {
  /** Bare flatbuffer `Message` with the schema of the rows. */
  readonly schemaMessage: Uint8Array
  /** Record batches and dictionaries, pulled at the engine's pace (backpressure). */
  readonly messages: AsyncIterable<IpcMessage>
  /** Engine-specific options from the client. */
  readonly options: Readonly<Record<string, string>>
}
