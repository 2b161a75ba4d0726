import type { Sources as SourceList } from '../../api/answers.ts'
import { callApi } from '../../api/call.ts'
import type { History } from '../../api/history-answers.ts'
import { usePolling } from '../../api/use-polling.ts'
import { timesOf } from '../../format/series.ts'
import { ErrorNote } from '../../parts/error-note.tsx'
import type { View } from '../view.ts'
import { ProcessPanel } from './process-panel.tsx'
import { SourcePanel } from './source-panel.tsx'
import { SourcesTable } from './sources-table.tsx'

/** The gateway takes a sample each 10 s. */
const INTERVAL_MS = 10_000

const load = async (signal: AbortSignal) => {
  const [{ sources }, history] = await Promise.all([
    callApi<SourceList>('api/v1/sources', { signal }),
    callApi<History>('api/v1/history?step_seconds=30', { signal }),
  ])
  return { sources, history }
}

/** How the sources do, and did in the last hour. */
export const sourcesView: View = { id: 'sources', title: 'Sources', Content: Sources }

function Sources() {
  const { data, error } = usePolling(load, INTERVAL_MS)
  const shown = data.value
  const times = shown ? timesOf(shown.history) : []
  return (
    <>
      {error.value && <ErrorNote error={error.value} />}
      {shown && (
        <>
          {shown.history.partial && (
            <p class="note warn">Figures of a process are missing: it did not answer in time.</p>
          )}
          <section aria-labelledby="sources-now">
            <h2 id="sources-now">Now, and in the last hour</h2>
            <SourcesTable sources={shown.sources} history={shown.history} />
          </section>
          {shown.sources.map((source) => {
            const history = shown.history.data_sources.find(({ name }) => name === source.name)
            return (
              history && (
                <SourcePanel
                  key={source.name}
                  source={source}
                  history={history}
                  times={times}
                  stepSeconds={shown.history.step_seconds}
                />
              )
            )
          })}
          <ProcessPanel history={shown.history} times={times} />
        </>
      )}
    </>
  )
}
