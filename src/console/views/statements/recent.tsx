import { useComputed, useSignal } from '@preact/signals'
import { useCallback, useId } from 'preact/hooks'
import type { RecentQueries } from '../../api/answers.ts'
import { callApi, queryString } from '../../api/call.ts'
import { usePolling } from '../../api/use-polling.ts'
import { ErrorNote } from '../../parts/error-note.tsx'
import { matchesFilter } from './filter.ts'
import { RecentTable } from './recent-table.tsx'
import { TimeLegend } from './time-bar.tsx'

const INTERVAL_MS = 5000
const LIMIT = 100

interface RecentProps {
  readonly filter: string
  readonly isPaused: boolean
}

/** The statements that ended last, with their time split. */
export function Recent({ filter, isPaused }: RecentProps) {
  const outcome = useSignal('')
  const id = useId()
  const chosen = outcome.value
  const load = useCallback(
    (signal: AbortSignal) =>
      callApi<RecentQueries>(`api/v1/queries/recent${queryString({ outcome: chosen, limit: LIMIT })}`, { signal }),
    [chosen],
  )
  const { data, error } = usePolling(load, INTERVAL_MS, isPaused)
  const all = useComputed(() => data.value?.queries ?? [])
  const shown = all.value.filter((query) => matchesFilter(query, filter))
  return (
    <section aria-labelledby="recent">
      <div class="section-head">
        <h2 id="recent">
          Ended <span class="tally">{tally(shown.length, all.value.length)}</span>
        </h2>
        <label for={id}>Outcome</label>
        <select
          id={id}
          value={chosen}
          onChange={({ currentTarget }) => {
            outcome.value = currentTarget.value
          }}
        >
          <option value="">all</option>
          <option value="OK">OK</option>
          <option value="FAILED">failed</option>
        </select>
        <TimeLegend />
      </div>
      {error.value && <ErrorNote error={error.value} />}
      {data.value?.partial && (
        <p class="note warn">Statements are missing: a replica did not answer in time, or has too much text.</p>
      )}
      {data.value && (
        <RecentTable
          queries={shown}
          emptyText={all.value.length > 0 ? 'No statement matches the filter.' : 'No statement has ended yet.'}
        />
      )}
    </section>
  )
}

function tally(shown: number, all: number): string {
  if (shown < all) return `${shown} of ${all}`
  return all === LIMIT ? `the last ${LIMIT}` : String(all)
}
