import { signal } from '@preact/signals'
import { type View, views } from '../views/registry.ts'

/** The view that the address names, such as `#/statements`; the first one if it names none. */
export const currentView = signal<View>(viewOfAddress())

function viewOfAddress(): View {
  const id = location.hash.replace(/^#\/?/, '')
  return views.find((view) => view.id === id) ?? views[0]!
}

addEventListener('hashchange', () => {
  currentView.value = viewOfAddress()
})
