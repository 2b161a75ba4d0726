import type { RecentQuery } from '../../api/answers.ts'
import { formatDuration } from '../../format/figures.ts'

/** The parts of the time of a statement, in their order. */
export const timeParts = [
  { name: 'plan', member: 'plan_ms' },
  { name: 'queue', member: 'queue_ms' },
  { name: 'first byte', member: 'first_byte_ms' },
  { name: 'stream', member: 'stream_ms' },
] as const satisfies readonly { readonly name: string; readonly member: keyof RecentQuery }[]

/** How the time of a statement splits: as a bar, and as a text for those who do not see it. */
export function TimeBar({ query }: { readonly query: RecentQuery }) {
  const parts = timeParts.map(({ name, member }) => ({ name, ms: query[member] }))
  const known = parts.filter(({ ms }) => ms !== null && ms > 0)
  const text = known.map(({ name, ms }) => `${name} ${formatDuration(ms)}`).join(', ')
  const total = known.reduce((sum, { ms }) => sum + ms!, 0)
  return (
    <span class="time-bar" title={text}>
      <span class="hidden">{text}</span>
      {known.map(({ name, ms }) => (
        <span key={name} class={`part ${name.replace(' ', '-')}`} style={{ width: `${(100 * ms!) / total}%` }} />
      ))}
    </span>
  )
}

/** What the colours of the bars mean. */
export function TimeLegend() {
  return (
    <p class="time-legend" aria-hidden="true">
      {timeParts.map(({ name }) => (
        <span key={name}>
          <span class={`part ${name.replace(' ', '-')}`} />
          {name}
        </span>
      ))}
    </p>
  )
}
