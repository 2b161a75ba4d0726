import { useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import { type ApiError, apiErrorOf } from '../../api/api-error.ts'
import { callApi, queryString } from '../../api/call.ts'
import { formatCount } from '../../format/figures.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { ErrorNote } from '../../parts/error-note.tsx'
import { announce } from '../../parts/notice.tsx'

interface ClearFormProps {
  /** Names of the sources. */
  readonly sources: readonly string[]
  readonly onCleared: () => void
}

/** Clears entries of the cache by source and tag, once the person has confirmed it. */
export function ClearForm({ sources, onCleared }: ClearFormProps) {
  const source = useSignal('')
  const tag = useSignal('')
  const isAsking = useSignal(false)
  const id = useId()
  const wish = { data_source: source.value, tag: tag.value.trim() }
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>Clear</h2>
      <form
        class="toolbar"
        onSubmit={(event) => {
          event.preventDefault()
          isAsking.value = true
        }}
      >
        <label>
          <span>Source</span>
          <select
            value={source.value}
            onChange={({ currentTarget }) => {
              source.value = currentTarget.value
            }}
          >
            <option value="">all sources</option>
            {sources.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>Tag</span>
          <input
            type="text"
            placeholder="any tag"
            value={tag.value}
            onInput={({ currentTarget }) => {
              tag.value = currentTarget.value
            }}
          />
        </label>
        <button type="submit" class="danger">
          Clear entries…
        </button>
      </form>
      {isAsking.value && (
        <ConfirmClear
          wish={wish}
          onClose={() => {
            isAsking.value = false
          }}
          onCleared={onCleared}
        />
      )}
    </section>
  )
}

interface ConfirmClearProps {
  readonly wish: { readonly data_source: string; readonly tag: string }
  readonly onClose: () => void
  readonly onCleared: () => void
}

function ConfirmClear({ wish, onClose, onCleared }: ConfirmClearProps) {
  const error = useSignal<ApiError | undefined>(undefined)
  const isBusy = useSignal(false)
  const clear = async () => {
    if (isBusy.value) return
    isBusy.value = true
    try {
      const { cleared } = await callApi<{ readonly cleared: number }>(`api/v1/cache${queryString(wish)}`, {
        method: 'DELETE',
      })
      announce(`Cleared ${formatCount(cleared)} ${cleared === 1 ? 'entry' : 'entries'} of the process that answered.`)
      onCleared()
      onClose()
    } catch (thrown) {
      error.value = apiErrorOf(thrown)
      isBusy.value = false
    }
  }
  return (
    <Dialog title="Clear the cache?" onClose={onClose}>
      <p>
        {wish.data_source === '' ? 'Entries of all sources' : `Entries of ${wish.data_source}`}
        {wish.tag !== '' && ` with the tag ${wish.tag}`} are dropped in all processes. The next statements run at their
        source again.
      </p>
      {error.value && <ErrorNote error={error.value} />}
      <div class="buttons">
        <button type="button" onClick={onClose}>
          Keep them
        </button>
        <button type="button" class="danger" aria-disabled={isBusy.value} onClick={clear}>
          Clear
        </button>
      </div>
    </Dialog>
  )
}
