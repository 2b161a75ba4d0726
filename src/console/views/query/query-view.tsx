import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Source, Sources } from '../../api/answers.ts'
import { apiErrorOf } from '../../api/api-error.ts'
import { callApi } from '../../api/call.ts'
import { formatUsd } from '../../format/figures.ts'
import { ErrorNote } from '../../parts/error-note.tsx'
import type { View } from '../view.ts'
import { EstimatePanel } from './estimate-panel.tsx'
import { cancel, confirm, estimate, estimateOnly, failure, noEstimate, phase, run, shown } from './query-run.ts'
import { ResultPanel } from './result-panel.tsx'

const text = signal('')
const source = signal('')
const sources = signal<readonly Source[]>([])

/** A box for one statement: what it would read and cost, and its rows. */
export const queryView: View = { id: 'query', title: 'Query', Content: QueryView }

async function loadSources(): Promise<void> {
  try {
    sources.value = (await callApi<Sources>('api/v1/sources')).sources
  } catch (thrown) {
    failure.value = apiErrorOf(thrown)
  }
}

function QueryView() {
  const box = useRef<HTMLTextAreaElement>(null)
  useEffect(() => void loadSources(), [])
  const asked = () => ({ query: text.value, source: source.value })
  const isEmpty = text.value.trim() === ''
  const isBusy = phase.value === 'running' || phase.value === 'estimating'
  const start = () => {
    if (!isEmpty && !isBusy) void run(asked())
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    start()
  }
  const leave = () => {
    cancel()
    // The button is gone with what it ended.
    box.current?.focus()
  }
  const use = (query: string) => {
    text.value = query
    box.current?.focus()
  }
  return (
    <>
      <form
        class="query"
        onSubmit={(event) => {
          event.preventDefault()
          start()
        }}
      >
        <label class="hidden" for="sql">
          SQL
        </label>
        <textarea
          id="sql"
          ref={box}
          rows={5}
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          placeholder="SELECT ..."
          value={text.value}
          aria-describedby="sql-keys"
          onInput={({ currentTarget }) => {
            text.value = currentTarget.value
          }}
          onKeyDown={onKeyDown}
        />
        <div class="query-bar">
          <label for="source">Source</label>
          <select
            id="source"
            value={source.value}
            onChange={({ currentTarget }) => {
              source.value = currentTarget.value
            }}
          >
            <option value="">by the names in the statement</option>
            {sources.value.map(({ name, kind, health }) => (
              <option key={name} value={name}>
                {name} ({kind}
                {health === 'down' && ', down'})
              </option>
            ))}
          </select>
          <span class="grow faint" id="sql-keys">
            Ctrl+Enter runs it
          </span>
          {isBusy && (
            <button type="button" onClick={leave}>
              Cancel
            </button>
          )}
          <button
            type="button"
            aria-disabled={isEmpty || isBusy}
            onClick={() => !isEmpty && !isBusy && void estimateOnly(asked())}
          >
            Estimate
          </button>
          <button type="submit" class="primary" aria-disabled={isEmpty || isBusy}>
            Run
          </button>
        </div>
      </form>
      {phase.value === 'estimating' && <p class="faint">Estimating</p>}
      {phase.value === 'running' && !shown.value && <p class="faint">Running: there are no rows yet</p>}
      {failure.value && <ErrorNote error={failure.value} />}
      {noEstimate.value && <p class="note">There is no estimate: {noEstimate.value}</p>}
      {phase.value === 'asking' && <Confirmation cost={estimate.value?.cost_usd ?? null} onRefuse={leave} />}
      {estimate.value && <EstimatePanel estimate={estimate.value} onUse={use} />}
      {shown.value && <ResultPanel shown={shown.value} />}
    </>
  )
}

function Confirmation({ cost, onRefuse }: { readonly cost: number | null; readonly onRefuse: () => void }) {
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => button.current?.focus(), [])
  return (
    <div class="note warn confirmation" role="alertdialog" aria-label="The statement costs money">
      <p>The statement will cost about {formatUsd(cost)}.</p>
      <div class="buttons">
        <button type="button" onClick={onRefuse}>
          Do not run it
        </button>
        <button type="button" ref={button} class="primary" onClick={() => void confirm()}>
          Run it for {formatUsd(cost)}
        </button>
      </div>
    </div>
  )
}
