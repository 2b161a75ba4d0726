import type { RecentQuery } from '../../api/answers.ts'
import { formatBytes, formatCount, formatDuration, formatUsd } from '../../format/figures.ts'
import { formatTime } from '../../format/times.ts'
import { NameCell } from '../../parts/name-cell.tsx'
import { Scroll } from '../../parts/scroll.tsx'
import { StatementText } from '../../parts/statement-text.tsx'
import { TimeBar, timeParts } from './time-bar.tsx'

const UNCACHED = ''

interface RecentTableProps {
  readonly queries: readonly RecentQuery[]
  readonly emptyText: string
}

/** The statements that ended last. */
export function RecentTable({ queries, emptyText }: RecentTableProps) {
  return (
    <Scroll label="Statements that ended last">
      <table>
        <caption>Statements that ended last</caption>
        <thead>
          <tr>
            <th scope="col">Ended</th>
            <th scope="col">Principal</th>
            <th scope="col">Source</th>
            <th scope="col" class="wide">
              Statement
            </th>
            <th scope="col">Outcome</th>
            <th scope="col" class="figure">
              Time
            </th>
            <th scope="col">Split</th>
            <th scope="col" class="figure">
              Rows
            </th>
            <th scope="col" class="figure">
              Bytes
            </th>
            <th scope="col" class="figure">
              Cost
            </th>
            <th scope="col">Cache</th>
          </tr>
        </thead>
        <tbody>
          {queries.length === 0 && (
            <tr class="empty">
              <td colSpan={11}>{emptyText}</td>
            </tr>
          )}
          {queries.map((query) => (
            <tr key={query.id}>
              <td class="time">
                <time dateTime={query.end_time}>{formatTime(query.end_time)}</time>
              </td>
              <NameCell name={query.principal} />
              <NameCell name={query.data_source} />
              <td class="wide">
                <StatementText text={query.query} facts={factsOf(query)} />
              </td>
              <td>
                <span class={`badge ${badgeOf(query.outcome)}`} title={query.message ?? undefined}>
                  {query.outcome}
                </span>
              </td>
              <td class="figure">{formatDuration(query.duration_ms)}</td>
              <td>
                <TimeBar query={query} />
              </td>
              <td class="figure">{formatCount(query.rows)}</td>
              <td class="figure">{formatBytes(query.bytes)}</td>
              <td class="figure">{formatUsd(query.cost_usd)}</td>
              <td>{query.cache?.toLowerCase() ?? UNCACHED}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}

function badgeOf(outcome: string): string {
  if (outcome === 'OK') return 'good'
  return outcome === 'CANCELLED' ? 'warn' : 'bad'
}

function factsOf(query: RecentQuery): readonly (readonly [string, string])[] {
  return [
    ...(query.message === null ? [] : ([['Message', query.message]] as const)),
    ['Principal', query.principal],
    ['Source', query.data_source],
    ['Front', query.front ?? ''],
    ['Began', formatTime(query.start_time)],
    ['Ended', formatTime(query.end_time)],
    ...timeParts.map(({ name, member }) => [`Time: ${name}`, formatDuration(query[member])] as const),
    ['Rows', formatCount(query.rows)],
    ['Bytes', formatBytes(query.bytes)],
    ['Billed', formatBytes(query.billed_bytes)],
    ['Cost', formatUsd(query.cost_usd)],
    ['Query id', query.id],
    ['Request id', query.request_id],
  ]
}
