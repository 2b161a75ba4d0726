import type { Source } from '../../api/answers.ts'
import { UNKNOWN } from '../../format/figures.ts'

const healthClasses = { up: 'good', down: 'bad', unknown: '' } as const
const breakerClasses = { closed: 'good', half_open: 'warn', open: 'bad' } as const
const breakerWords = { closed: 'closed', half_open: 'half open', open: 'open' } as const

/** Whether a source answers. */
export function HealthBadge({ health }: Pick<Source, 'health'>) {
  return <span class={`badge ${healthClasses[health]}`}>{health}</span>
}

/** State of the worst circuit breaker of a source; an embedded engine has none. */
export function BreakerBadge({ state }: { readonly state: keyof typeof breakerWords | null }) {
  if (state === null) return <>{UNKNOWN}</>
  return <span class={`badge ${breakerClasses[state]}`}>{breakerWords[state]}</span>
}
