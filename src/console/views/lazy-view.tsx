import { signal } from '@preact/signals'
import type { FunctionComponent } from 'preact'
import { useEffect } from 'preact/hooks'
import { ApiError } from '../api/api-error.ts'
import { ErrorNote } from '../parts/error-note.tsx'
import type { View } from './view.ts'

/** A view whose code is asked for when the view is first shown, so that the first page stays small. */
export function lazyView(id: string, title: string, load: () => Promise<View>): View {
  const content = signal<FunctionComponent | undefined>(undefined)
  const error = signal<ApiError | undefined>(undefined)
  const start = async () => {
    try {
      error.value = undefined
      content.value = (await load()).Content
    } catch {
      // A gateway of another version no longer has the file.
      error.value = new ApiError('The view cannot be loaded: reload the page.')
    }
  }
  function LazyView() {
    useEffect(() => {
      if (!content.peek()) void start()
    }, [])
    const Content = content.value
    if (Content) return <Content />
    return error.value ? <ErrorNote error={error.value} /> : <p class="faint">Loading</p>
  }
  return { id, title, Content: LazyView }
}
