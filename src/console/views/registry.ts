import { lazyView } from './lazy-view.tsx'
import { statementsView } from './statements/statements-view.tsx'
import type { View } from './view.ts'

export type { View } from './view.ts'

/** The views, in the order of the navigation. All but the first have code of their own. */
export const views: readonly View[] = [
  statementsView,
  lazyView('query', 'Query', async () => (await import('./query/query-view.tsx')).queryView),
  lazyView('sources', 'Sources', async () => (await import('./sources/sources-view.tsx')).sourcesView),
  lazyView('cost', 'Cost', async () => (await import('./cost/cost-view.tsx')).costView),
  lazyView('cache', 'Cache', async () => (await import('./cache/cache-view.tsx')).cacheView),
]
