import { useSignal } from '@preact/signals'
import { Dialog } from './dialog.tsx'

/** The gateway lists no more of a text. */
const LISTED_CHARACTERS = 2000
/** A value above it gets a line of its own. */
const LONG_CHARACTERS = 32

interface StatementTextProps {
  readonly text: string
  /** What the dialog tells beside the text: names with values. */
  readonly facts: readonly (readonly [string, string])[]
}

/** The beginning of a statement, in one line of a table. It opens a dialog with the whole. */
export function StatementText({ text, facts }: StatementTextProps) {
  const isOpen = useSignal(false)
  const close = () => {
    isOpen.value = false
  }
  return (
    <>
      <button
        type="button"
        class="sql-line"
        title="Show the statement"
        onClick={() => {
          isOpen.value = true
        }}
      >
        {text.replace(/\s+/g, ' ').slice(0, 300)}
      </button>
      {isOpen.value && (
        <Dialog title="Statement" onClose={close}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the text scrolls, also by keyboard. */}
          <pre class="sql" tabIndex={0}>
            {text}
          </pre>
          {text.length >= LISTED_CHARACTERS && <p class="faint">Only the first 2,000 characters are known.</p>}
          <dl class="facts">
            {facts.map(([name, value]) => (
              <div key={name} class={value.length > LONG_CHARACTERS ? 'long' : undefined}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          <div class="buttons">
            <button type="button" onClick={close}>
              Close
            </button>
          </div>
        </Dialog>
      )}
    </>
  )
}
