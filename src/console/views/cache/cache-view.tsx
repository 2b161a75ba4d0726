import { signal } from '@preact/signals'
import { useCallback } from 'preact/hooks'
import { callApi, queryString } from '../../api/call.ts'
import type { CacheEntries, CacheStats, History } from '../../api/history-answers.ts'
import { usePolling } from '../../api/use-polling.ts'
import { timesOf } from '../../format/series.ts'
import { ErrorNote } from '../../parts/error-note.tsx'
import { session } from '../../session/session.ts'
import type { View } from '../view.ts'
import { ClearForm } from './clear-form.tsx'
import { EntryTable } from './entry-table.tsx'
import { HitFigures } from './hit-figures.tsx'

const INTERVAL_MS = 10_000

const order = signal<'bytes' | 'hits'>('bytes')

/** How many statements the result cache answers, and what is in it. */
export const cacheView: View = { id: 'cache', title: 'Cache', Content: Cache }

function Cache() {
  const chosen = order.value
  const isOperator = session.value?.sees_others === true
  const load = useCallback(
    async (abort: AbortSignal) => {
      const options = { signal: abort }
      const [history, stats, list] = await Promise.all([
        callApi<History>('api/v1/history?step_seconds=30', options),
        isOperator ? callApi<CacheStats>('api/v1/cache', options) : undefined,
        isOperator
          ? callApi<CacheEntries>(`api/v1/cache/entries${queryString({ order: chosen })}`, options)
          : undefined,
      ])
      return { history, stats, list }
    },
    [chosen, isOperator],
  )
  const { data, error, refresh } = usePolling(load, INTERVAL_MS)
  const shown = data.value
  return (
    <>
      {error.value && <ErrorNote error={error.value} />}
      {shown && <HitFigures history={shown.history} stats={shown.stats} times={timesOf(shown.history)} />}
      {shown?.list && (
        <section aria-labelledby="entries">
          <div class="toolbar">
            <h2 id="entries">Entries</h2>
            <label>
              <span>Order</span>
              <select
                value={chosen}
                onChange={({ currentTarget }) => {
                  order.value = currentTarget.value as typeof chosen
                }}
              >
                <option value="bytes">Largest first</option>
                <option value="hits">Most used first</option>
              </select>
            </label>
          </div>
          {shown.list.partial && <p class="note warn">Entries of a process are missing: it did not answer in time.</p>}
          <EntryTable entries={shown.list.entries} />
        </section>
      )}
      {shown && isOperator && (
        <ClearForm sources={shown.history.data_sources.map(({ name }) => name)} onCleared={refresh} />
      )}
      {!isOperator && <p class="faint">The entries are for operators.</p>}
    </>
  )
}
