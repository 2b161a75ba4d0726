import type { Source } from '../../api/answers.ts'
import type { History, SourceHistory } from '../../api/history-answers.ts'
import { formatBytes, formatCount, UNKNOWN } from '../../format/figures.ts'
import { newestOf, sumOf } from '../../format/series.ts'
import { formatTime } from '../../format/times.ts'
import { Scroll } from '../../parts/scroll.tsx'
import { BreakerBadge, HealthBadge } from './badges.tsx'

interface SourcesTableProps {
  readonly sources: readonly Source[]
  readonly history: History
}

/** The sources in the order of the configuration: how they do now, and what they did in the last hour. */
export function SourcesTable({ sources, history }: SourcesTableProps) {
  return (
    <Scroll label="Sources now, and their figures of the last hour">
      <table class="dense">
        <caption>Sources now, and their figures of the last hour</caption>
        <thead>
          <tr>
            <th scope="col">Source</th>
            <th scope="col">Kind</th>
            <th scope="col">Health</th>
            <th scope="col">Since</th>
            <th scope="col">Breaker</th>
            <th scope="col" class="figure">
              Slots in use
            </th>
            <th scope="col" class="figure">
              Queued
            </th>
            <th scope="col" class="figure">
              Connections
            </th>
            <th scope="col" class="figure">
              Statements, 1&nbsp;h
            </th>
            <th scope="col" class="figure">
              Failed, 1&nbsp;h
            </th>
            <th scope="col" class="figure">
              Rows, 1&nbsp;h
            </th>
            <th scope="col" class="figure">
              Bytes, 1&nbsp;h
            </th>
          </tr>
        </thead>
        <tbody>
          {sources.map((source) => (
            <Row
              key={source.name}
              source={source}
              history={history.data_sources.find(({ name }) => name === source.name)}
            />
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}

function Row({ source, history }: { readonly source: Source; readonly history: SourceHistory | undefined }) {
  const { name, kind, health, health_since, default: isDefault } = source
  return (
    <tr>
      <th scope="row">
        {name}
        {isDefault && <span class="faint"> (default)</span>}
      </th>
      <td>{kind}</td>
      <td>
        <HealthBadge health={health} />
      </td>
      <td class="time">
        {health_since === null ? UNKNOWN : <time dateTime={health_since}>{formatTime(health_since)}</time>}
      </td>
      <td>
        <BreakerBadge state={history?.breaker.at(-1) ?? null} />
      </td>
      {history && (
        <>
          <td class="figure">{ofMost(newestOf(history.slots_used), newestOf(history.slots))}</td>
          <td class="figure">{formatCount(newestOf(history.queued))}</td>
          <td class="figure">
            {newestOf(history.max_connections) === 0
              ? UNKNOWN
              : ofMost(newestOf(history.busy_connections), newestOf(history.connections))}
          </td>
          <td class="figure">{formatCount(sumOf(history.statements))}</td>
          <td class="figure">{formatCount(sumOf(history.failed))}</td>
          <td class="figure">{formatCount(sumOf(history.rows))}</td>
          <td class="figure">{formatBytes(sumOf(history.bytes))}</td>
        </>
      )}
    </tr>
  )
}

function ofMost(used: number | null, most: number | null): string {
  return `${formatCount(used)} of ${formatCount(most)}`
}
