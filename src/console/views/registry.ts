import { queryView } from './query/query-view.tsx'
import { statementsView } from './statements/statements-view.tsx'
import type { View } from './view.ts'

export type { View } from './view.ts'

/** The views, in the order of the navigation. */
export const views: readonly View[] = [statementsView, queryView]
