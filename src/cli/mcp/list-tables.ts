import { CommandGetTables } from '../../../gen/arrow/flight/protocol/FlightSql.ts'
import { frameOf } from '../../arrow/ipc/frame.ts'
import { readHeader } from '../../arrow/ipc/header.ts'
import { createRowEncoder, type RowEncoder } from '../../arrow/text/row-encoder.ts'
import type { FlightClient } from '../query/flight-client.ts'
import { BoundedLines } from './bounded-lines.ts'
import type { RowBounds } from './run-query.ts'

/** Which tables to list: patterns of SQL's LIKE. */
export interface TableFilter {
  readonly schema?: string | undefined
  readonly name?: string | undefined
}

/**
 * Lists tables and views by Flight SQL's metadata.
 * @returns a line for each, as `catalog.schema.table`, with its type if that is not TABLE; then what is to be known of the list
 * @throws grpc.ServiceError
 */
export async function listTables(client: FlightClient, filter: TableFilter, bounds: RowBounds): Promise<string> {
  const command = CommandGetTables.encode({
    catalog: undefined,
    dbSchemaFilterPattern: filter.schema,
    tableNameFilterPattern: filter.name,
    tableTypes: [],
    includeSchema: false,
  }).finish()
  const info = await client.info('CommandGetTables', command)
  const names = new BoundedLines(bounds.maxRows, bounds.maxBytes)
  for (const endpoint of info.endpoint) {
    let encoder: RowEncoder | undefined
    for await (const { dataHeader, dataBody } of client.read(endpoint)) {
      if (dataHeader.byteLength === 0) continue
      const { kind, rows } = readHeader(dataHeader)
      const frame = frameOf(dataHeader, dataBody, kind === 'batch' ? rows : 0)
      if (encoder) await addNames(names, encoder, frame)
      else encoder = createRowEncoder('ndjson', frame, { chunkRows: 1, rowFormat: 'arrays' })
      if (names.cut !== undefined) break
    }
  }
  const end =
    names.cut === undefined
      ? `${names.count} ${names.count === 1 ? 'table' : 'tables'}`
      : `${names.count} tables shown; ${names.cut}: give a schema or a name`
  return names.count > 0 ? `${names.text}\n(${end})` : 'no such tables, or none that this key may see'
}

async function addNames(
  names: BoundedLines,
  encoder: RowEncoder,
  frame: Parameters<RowEncoder['batch']>[0],
): Promise<void> {
  let pieces = ''
  for await (const { bytes, rows } of encoder.batch(frame)) {
    pieces += Buffer.from(bytes).toString()
    if (rows === 0) continue
    const [catalog, schema, table, type] = JSON.parse(pieces) as [string | null, string | null, string, string]
    pieces = ''
    const name = [catalog, schema, table].filter((part) => part !== null && part !== '').join('.')
    if (!names.add(type === 'TABLE' || type === 'BASE TABLE' ? name : `${name} (${type})`)) return
  }
}
