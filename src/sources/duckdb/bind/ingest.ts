import type { IpcMessage } from '../../../arrow/ipc/ipc.ts'
import type { Field } from '../../../arrow/schema.ts'
import type { IngestTarget } from '../../../query/ingest.ts'
import { Appender, type TableName } from '../native/appender.ts'
import { DuckDbError } from '../native/c-api.ts'
import { execute } from '../native/database.ts'
import type { Address } from '../native/library.ts'
import { quoteIdentifier } from '../sql/startup.ts'
import { sqlType } from '../types/sql-type.ts'
import { BatchWriter } from './batch-writer.ts'

/**
 * Creates the table as the target asks, and appends the messages to it. Blocks; call it in a transaction.
 * @returns rows appended
 * @throws DuckDbError, ArrowError
 */
export function ingest(
  connection: Address,
  target: IngestTarget & TableName,
  schema: Field,
  messages: Iterable<IpcMessage>,
): number {
  const name = [target.catalog, target.schema, target.table].map(quoteIdentifier).join('.')
  const columns = schema.children.map((field) => `${quoteIdentifier(field.name)} ${sqlType(field)}`)
  const names = schema.children.map(({ name }) => name.toLowerCase())
  const duplicate = names.find((each, i) => names.indexOf(each) < i)
  if (duplicate !== undefined) throw new DuckDbError(`Invalid Input Error: two columns are named "${duplicate}"`)
  if (columns.length === 0) throw new DuckDbError('Invalid Input Error: a table needs at least one column')
  const createTable = (words: string) => execute(connection, `CREATE ${words} ${name} (${columns.join(', ')})`)
  if (target.ifExists === 'replace') {
    // CREATE OR REPLACE would create a missing table, so check first that it exists if the client requires it.
    if (target.ifNotExists === 'fail') execute(connection, `SELECT 1 FROM ${name} LIMIT 0`)
    createTable('OR REPLACE TABLE')
  } else if (target.ifNotExists === 'create')
    createTable(target.ifExists === 'append' ? 'TABLE IF NOT EXISTS' : 'TABLE')
  else if (target.ifExists === 'fail')
    throw new DuckDbError('Invalid Input Error: the ingestion options refuse both an existing and a missing table')
  const appender = new Appender(connection, target, schema.children)
  try {
    const writer = new BatchWriter(appender.fields)
    let rows = 0
    for (const message of messages) {
      const batch = writer.write(message)
      if (batch) appender.append(batch)
      rows += batch?.rows ?? 0
    }
    appender.finish()
    return rows
  } finally {
    appender.close()
  }
}
