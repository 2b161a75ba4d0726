import { formatCount } from '../../format/figures.ts'
import { Dialog } from '../../parts/dialog.tsx'

/** Most characters of a value that are drawn: a browser takes seconds for some MB of text. */
const MAX_CHARACTERS = 100_000

interface ValueDialogProps {
  /** Name of the column. */
  readonly name: string
  readonly text: string
  readonly onClose: () => void
}

/** A value for which its cell has no room. */
export function ValueDialog({ name, text, onClose }: ValueDialogProps) {
  return (
    <Dialog title={name} onClose={onClose}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the text scrolls, also by keyboard. */}
      <pre class="sql" tabIndex={0}>
        {text.slice(0, MAX_CHARACTERS)}
      </pre>
      <p class="faint">
        {formatCount(text.length)} characters
        {text.length > MAX_CHARACTERS &&
          `, of which the first ${formatCount(MAX_CHARACTERS)} are shown: download the result to get all`}
      </p>
      <div class="buttons">
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  )
}
