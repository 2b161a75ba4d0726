import type { RunningQuery } from '../../api/answers.ts'
import { formatBytes, formatCount, formatDuration, formatUsd } from '../../format/figures.ts'
import { formatTime } from '../../format/times.ts'
import { NameCell } from '../../parts/name-cell.tsx'
import { Scroll } from '../../parts/scroll.tsx'
import { StatementText } from '../../parts/statement-text.tsx'

interface RunningTableProps {
  readonly queries: readonly RunningQuery[]
  readonly emptyText: string
  readonly onCancel: (query: RunningQuery) => void
}

/** The statements that wait or run, the oldest first. */
export function RunningTable({ queries, emptyText, onCancel }: RunningTableProps) {
  const now = Date.now()
  return (
    <Scroll label="Statements that wait or run">
      <table>
        <caption>Statements that wait or run</caption>
        <thead>
          <tr>
            <th scope="col">Principal</th>
            <th scope="col">Source</th>
            <th scope="col" class="wide">
              Statement
            </th>
            <th scope="col">State</th>
            <th scope="col">Since</th>
            <th scope="col" class="figure">
              Time
            </th>
            <th scope="col" class="figure">
              Rows
            </th>
            <th scope="col" class="figure">
              Bytes
            </th>
            <th scope="col" class="figure" title="What the statement was expected to cost when it began">
              Est. cost
            </th>
            <th scope="col" class="actions">
              <span class="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {queries.length === 0 && (
            <tr class="empty">
              <td colSpan={10}>{emptyText}</td>
            </tr>
          )}
          {queries.map((query) => (
            <tr key={query.id}>
              <NameCell name={query.principal} />
              <NameCell name={query.data_source} />
              <td class="wide">
                <StatementText text={query.query} facts={factsOf(query)} />
              </td>
              <td>
                <span class={`badge ${query.state}`}>{query.state}</span>
              </td>
              <td class="time">
                <time dateTime={query.start_time}>{formatTime(query.start_time)}</time>
              </td>
              <td class="figure">{formatDuration(Math.max(0, now - Date.parse(query.start_time)))}</td>
              <td class="figure">{formatCount(query.rows)}</td>
              <td class="figure">{formatBytes(query.bytes)}</td>
              <td class="figure">{formatUsd(query.estimated_cost_usd)}</td>
              <td class="actions">
                <button type="button" class="danger small" aria-label={labelOf(query)} onClick={() => onCancel(query)}>
                  Kill
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}

function labelOf({ principal, data_source }: RunningQuery): string {
  return `Kill the statement of ${principal} at ${data_source}`
}

function factsOf(query: RunningQuery): readonly (readonly [string, string])[] {
  return [
    ['Principal', query.principal],
    ['Source', query.data_source],
    ['State', query.state],
    ['Since', formatTime(query.start_time)],
    ['Query id', query.id],
    ['Request id', query.request_id],
  ]
}
