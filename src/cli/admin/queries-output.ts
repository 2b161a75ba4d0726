import { type ListQueriesResponse, QueryState, type RunningQuery } from '../../../gen/flightgate/v1/gateway_service.ts'
import { countText, shortBytes } from '../estimate/figures.ts'
import { textTable } from '../text-table.ts'

/** Most characters of a statement in the table. */
const MAX_TEXT_CHARACTERS = 60

/** The statements that wait or run, as `GET /admin/queries` of the HTTP port tells them. */
export type QueriesJson = ReturnType<typeof queriesJson>

/** Translates an answer of the Gateway service. */
export function queriesJson({ queries, isPartial }: ListQueriesResponse) {
  return { queries: queries.map(queryJson), partial: isPartial }
}

function queryJson(running: RunningQuery) {
  const { seconds, nanos } = running.startTime ?? { seconds: 0n, nanos: 0 }
  return {
    id: running.id,
    principal: running.principal,
    data_source: running.dataSource,
    query: running.query,
    state: running.state === QueryState.QUERY_STATE_QUEUED ? 'queued' : 'running',
    start_time: new Date(Number(seconds) * 1000 + nanos / 1_000_000).toISOString(),
    rows: Number(running.rows),
    bytes: Number(running.bytes),
    request_id: running.requestId,
  }
}

/** The statements as a table for people. */
export function queriesText({ queries, partial }: QueriesJson, now = Date.now()): string {
  const table = textTable(
    ['Id', 'Principal', 'Source', 'State', 'Since', 'Rows', 'Bytes', 'Statement'],
    queries.map((query) => [
      query.id,
      query.principal,
      query.data_source,
      query.state,
      `${Math.max(0, Math.round((now - Date.parse(query.start_time)) / 1000))} s`,
      countText(query.rows),
      shortBytes(query.bytes),
      oneLine(query.query),
    ]),
    (column) => column < 4 || column === 7,
  )
  const lines = [table === '' ? 'No statement waits or runs.' : table]
  if (partial) lines.push('Some statements are missing: a replica did not answer in time, or has too many.')
  return lines.join('\n')
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > MAX_TEXT_CHARACTERS ? `${line.slice(0, MAX_TEXT_CHARACTERS)}...` : line
}
