import type { CallOptions } from '../call-options.ts'

/** The scan of a table, by names as a user writes them. */
export interface TableScan {
  /** Name with catalog and schema if needed, separated by dots; a part that contains a dot stands in double quotes or backticks. */
  readonly name: string
  /** Columns to read; empty for all. */
  readonly columns: readonly string[]
  /** Condition in the dialect of the source, as after WHERE. */
  readonly filter?: string
  /** Largest number of rows. */
  readonly limit?: number
}

/**
 * Encodes parameters once the statement has been planned.
 * @param schema flatbuffer `Message` with the statement's parameters; undefined if it announces none
 * @returns parameter rows as an Arrow IPC stream
 * @throws GatewayError BAD_REQUEST
 */
export type ParameterEncoder = (schema: Uint8Array | undefined) => Uint8Array

/** A statement as a client of the Gateway service or of HTTP sends it. */
export interface StatementRequest extends CallOptions {
  /** Names the statement within its batch. */
  readonly id?: string
  /** SQL text, or the scan of a table. */
  readonly text: { readonly query: string } | { readonly table: TableScan }
  /** Name or kind of the source. */
  readonly dataSource?: string
  /** Parameter rows as an Arrow IPC stream, or how they are encoded. */
  readonly parameters?: Uint8Array | ParameterEncoder
  /** Whether the statement is refused if it may change data. */
  readonly readOnly?: boolean
}
