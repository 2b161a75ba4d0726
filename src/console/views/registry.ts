import { cacheView } from './cache/cache-view.tsx'
import { costView } from './cost/cost-view.tsx'
import { sourcesView } from './sources/sources-view.tsx'
import { statementsView } from './statements/statements-view.tsx'
import type { View } from './view.ts'

export type { View } from './view.ts'

/** The views, in the order of the navigation. */
export const views: readonly View[] = [statementsView, sourcesView, costView, cacheView]
