import { lazyView } from './lazy-view.tsx'
import { statementsView } from './statements/statements-view.tsx'
import type { View } from './view.ts'

export type { View } from './view.ts'

/** The views, in the order of the navigation. All but the first have code of their own. */
export const views: readonly View[] = [
  statementsView,
  lazyView('query', 'Query', async () => (await import('./query/query-view.tsx')).queryView),
]
