import { signal } from '@preact/signals'

const SHOWN_MS = 6000

const notice = signal('')
let timer: ReturnType<typeof setTimeout> | undefined

/** Tells what an action of the person has done; screen readers read it. */
export function announce(text: string): void {
  clearTimeout(timer)
  notice.value = text
  timer = setTimeout(() => {
    notice.value = ''
  }, SHOWN_MS)
}

/** Where announcements appear. */
export function Notice() {
  return (
    <div class="notice" role="status" aria-live="polite">
      {notice.value && <p>{notice.value}</p>}
    </div>
  )
}
