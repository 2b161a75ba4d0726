import { signal } from '@preact/signals'
import { useId } from 'preact/hooks'
import type { RunningQueries, RunningQuery } from '../../api/answers.ts'
import { callApi } from '../../api/call.ts'
import { usePolling } from '../../api/use-polling.ts'
import { ErrorNote } from '../../parts/error-note.tsx'
import { session } from '../../session/session.ts'
import type { View } from '../view.ts'
import { CancelDialog } from './cancel-dialog.tsx'
import { matchesFilter } from './filter.ts'
import { Recent } from './recent.tsx'
import { RunningTable } from './running-table.tsx'

const INTERVAL_MS = 2000

const filter = signal('')
const isPaused = signal(false)
const toCancel = signal<RunningQuery | undefined>(undefined)

const loadRunning = (abort: AbortSignal) => callApi<RunningQueries>('api/v1/queries', { signal: abort })

/** What runs now, and what has ended. */
export const statementsView: View = { id: 'statements', title: 'Statements', Content: Statements }

function Statements() {
  const { data, error, refresh } = usePolling(loadRunning, INTERVAL_MS, isPaused.value)
  const id = useId()
  const all = data.value?.queries ?? []
  const shown = all.filter((query) => matchesFilter(query, filter.value))
  return (
    <>
      <div class="toolbar">
        <label class="grow" for={id}>
          <span>Filter</span>
          <input
            id={id}
            type="search"
            placeholder="principal, source, text or id"
            value={filter.value}
            onInput={({ currentTarget }) => {
              filter.value = currentTarget.value
            }}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={isPaused.value}
            onChange={({ currentTarget }) => {
              isPaused.value = currentTarget.checked
            }}
          />
          <span>Pause updates</span>
        </label>
      </div>
      {error.value && <ErrorNote error={error.value} />}
      <section aria-labelledby="running">
        <h2 id="running">
          Running{' '}
          <span class="tally">{shown.length === all.length ? all.length : `${shown.length} of ${all.length}`}</span>
        </h2>
        {data.value?.partial && (
          <p class="note warn">Statements are missing: a replica did not answer in time, or has too many.</p>
        )}
        {data.value && (
          <RunningTable
            queries={shown}
            emptyText={emptyText(all.length)}
            onCancel={(query) => {
              toCancel.value = query
            }}
          />
        )}
      </section>
      <Recent filter={filter.value} isPaused={isPaused.value} />
      {toCancel.value && (
        <CancelDialog
          query={toCancel.value}
          onClose={() => {
            toCancel.value = undefined
            refresh()
          }}
        />
      )}
    </>
  )
}

function emptyText(count: number): string {
  if (count > 0) return 'No statement matches the filter.'
  return session.value?.sees_others ? 'No statement runs.' : 'None of your statements runs.'
}
