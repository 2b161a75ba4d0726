import type { Frame } from '../../../arrow/ipc/frame.ts'
import type { GatewayError } from '../../../query/errors.ts'
import type { StartedStatement } from '../../../statements/requests/statement-requests.ts'

/** Bytes of a result, to be written before the next piece is asked for. */
export interface ResultPiece {
  readonly chunks: readonly Uint8Array[]
  readonly rows: number
}

/** A result in one format. It only encodes; the caller reads the result and writes the bytes. */
export interface ResultBody {
  readonly contentType: string
  begin(): readonly Uint8Array[]
  /** The pieces of a frame. The frame is released when the iteration ends, also when it is left early. */
  batch(frame: Frame): AsyncIterable<ResultPiece>
  /** What follows the last row. @param rows number of rows */
  end(statement: StartedStatement, rows: number): readonly Uint8Array[]
  /** What tells of an error after some rows; the connection is cut afterwards. */
  failure(error: GatewayError): readonly Uint8Array[]
}
