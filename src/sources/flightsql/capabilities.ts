import type { RecordBatch } from 'apache-arrow'
import { CommandGetSqlInfo, SqlInfo } from '../../../gen/arrow/flight/protocol/FlightSql.ts'
import type { Capabilities, SqlInfoValue } from '../../query/capabilities.ts'
import type { CallBounds, Connection } from './protocol/connection.ts'
import { UpstreamFlight } from './protocol/flight-sql-client.ts'
import type { Profile } from './protocol/profiles/profile.ts'
import { readTable } from './results/read-table.ts'

/** SqlInfo codes below this describe the server, the others its SQL. */
const FIRST_SQL_CODE = 500
const TRANSACTION = 1
const SAVEPOINT = 2
/** Longest list that is kept. The longest in use, keywords, has some hundreds of members. */
const MAX_MEMBERS = 10_000

/** Reads all SqlInfo of an upstream. @throws GrpcFailure, or the signal's reason */
export async function upstreamCapabilities(
  connection: Connection,
  bounds: CallBounds,
  profile: Profile,
): Promise<Capabilities> {
  const command = CommandGetSqlInfo.encode({ info: [] }).finish()
  const { endpoints } = await new UpstreamFlight(connection, bounds).info('CommandGetSqlInfo', command)
  const all = new Map<number, SqlInfoValue>()
  for (const { ticket } of endpoints) {
    const messages = await connection.collect('DoGet', [ticket], bounds)
    await readTable(messages, ({ batches }) => {
      for (const batch of batches) readBatch(batch, all)
    })
  }
  const transaction = Number(all.get(SqlInfo.FLIGHT_SQL_SERVER_TRANSACTION) ?? 0)
  return {
    transactions: profile.hasTransactions && (transaction === TRANSACTION || transaction === SAVEPOINT),
    savepoints: profile.hasTransactions && transaction === SAVEPOINT,
    ingestion: profile.hasIngestion && all.get(SqlInfo.FLIGHT_SQL_SERVER_BULK_INGESTION) === true,
    sql: new Map([...all].filter(([code]) => code >= FIRST_SQL_CODE)),
  }
}

function readBatch(batch: RecordBatch, into: Map<number, SqlInfoValue>): void {
  const [codes, values] = [batch.getChildAt(0), batch.getChildAt(1)]
  for (let row = 0; row < batch.numRows; row++) {
    const value = plain(values?.get(row))
    if (value !== undefined) into.set(Number(codes?.get(row)), value)
  }
}

/** Converts the Arrow library's value of a union member; undefined for null and for unknown types. */
function plain(value: unknown): SqlInfoValue | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'bigint':
    case 'number':
      return value
    case 'object':
      return value === null ? undefined : nested(value)
    default:
      return undefined
  }
}

function nested(value: object): SqlInfoValue | undefined {
  if ('length' in value && Number(value.length) > MAX_MEMBERS) return undefined
  const entries = [...(value as Iterable<unknown>)]
  if (entries.every((each) => typeof each === 'string')) return entries as string[]
  if (!entries.every(Array.isArray)) return undefined
  return new Map(
    (entries as [unknown, Iterable<unknown> | null][]).map(([key, list]) => [
      Number(key),
      [...(list ?? [])].map(Number),
    ]),
  )
}
