import { signal } from '@preact/signals'

const SHOWN_MS = 6000

const notice = signal({ text: '', isVisible: true })
let timer: ReturnType<typeof setTimeout> | undefined

/**
 * Tells what an action of the person has done; screen readers read it.
 * @param isVisible false where the page shows it anyway
 */
export function announce(text: string, isVisible = true): void {
  clearTimeout(timer)
  notice.value = { text, isVisible }
  timer = setTimeout(() => {
    notice.value = { text: '', isVisible: true }
  }, SHOWN_MS)
}

/** Where announcements appear. */
export function Notice() {
  const { text, isVisible } = notice.value
  return (
    <div class={isVisible ? 'notice' : 'hidden'} role="status" aria-live="polite">
      {text && <p>{text}</p>}
    </div>
  )
}
