import { useSignal } from '@preact/signals'
import type { RunningQuery } from '../../api/answers.ts'
import { type ApiError, apiErrorOf } from '../../api/api-error.ts'
import { callApi } from '../../api/call.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { ErrorNote } from '../../parts/error-note.tsx'
import { announce } from '../../parts/notice.tsx'

/** Asks whether a statement shall end, and ends it. */
export function CancelDialog({ query, onClose }: { readonly query: RunningQuery; readonly onClose: () => void }) {
  const error = useSignal<ApiError | undefined>(undefined)
  const isBusy = useSignal(false)
  const kill = async () => {
    if (isBusy.value) return
    isBusy.value = true
    try {
      await callApi(`api/v1/queries/${encodeURIComponent(query.id)}`, { method: 'DELETE' })
      announce(`The statement of ${query.principal} has been told to end.`)
      onClose()
    } catch (thrown) {
      error.value = apiErrorOf(thrown)
      isBusy.value = false
    }
  }
  return (
    <Dialog title="Kill this statement?" onClose={onClose}>
      <p>
        It belongs to <strong>{query.principal}</strong> and {query.state === 'queued' ? 'waits for' : 'runs on'}{' '}
        <strong>{query.data_source}</strong>. Its client gets the error CANCELLED.
      </p>
      <pre class="sql short">{query.query}</pre>
      {error.value && <ErrorNote error={error.value} />}
      <div class="buttons">
        <button type="button" onClick={onClose}>
          Keep it
        </button>
        <button type="button" class="danger" aria-disabled={isBusy.value} onClick={kill}>
          Kill
        </button>
      </div>
    </Dialog>
  )
}
