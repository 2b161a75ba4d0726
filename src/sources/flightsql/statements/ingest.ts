import { FlightData, FlightDescriptor } from '../../../../gen/arrow/flight/protocol/Flight.ts'
import {
  CommandStatementIngest,
  CommandStatementIngest_TableDefinitionOptions_TableExistsOption as Exists,
  CommandStatementIngest_TableDefinitionOptions_TableNotExistOption as NotExists,
} from '../../../../gen/arrow/flight/protocol/FlightSql.ts'
import { type Frame, frameOf } from '../../../arrow/ipc/frame.ts'
import type { Ingest } from '../../../query/ingest.ts'
import { descriptorOf } from '../protocol/commands.ts'

const none = new Uint8Array(0)
const notExists = {
  create: NotExists.TABLE_NOT_EXIST_OPTION_CREATE,
  fail: NotExists.TABLE_NOT_EXIST_OPTION_FAIL,
}
const exists = {
  append: Exists.TABLE_EXISTS_OPTION_APPEND,
  replace: Exists.TABLE_EXISTS_OPTION_REPLACE,
  fail: Exists.TABLE_EXISTS_OPTION_FAIL,
}

/**
 * Encodes an upload into a table as the messages of a DoPut. The batches stay as the client sent them.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html (CommandStatementIngest).
 */
export async function* ingestFrames(ingest: Ingest, transactionId: Uint8Array | undefined): AsyncGenerator<Frame> {
  const { table, catalog, schema, ifExists, ifNotExists, schemaMessage, messages, options } = ingest
  const command = CommandStatementIngest.encode({
    tableDefinitionOptions: { ifNotExist: notExists[ifNotExists], ifExists: exists[ifExists] },
    table,
    schema,
    catalog,
    temporary: false,
    transactionId,
    options: { ...options },
  }).finish()
  const first = FlightData.encode({
    flightDescriptor: FlightDescriptor.decode(descriptorOf('CommandStatementIngest', command)),
    dataHeader: schemaMessage,
    appMetadata: none,
    dataBody: none,
  }).finish()
  yield { chunks: [first], byteLength: first.byteLength, rows: 0 }
  for await (const { header, body } of messages) yield frameOf(header, body, -1)
}
