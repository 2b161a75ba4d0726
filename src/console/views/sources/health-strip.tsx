import type { SourceHistory } from '../../api/history-answers.ts'

type Step = 'up' | 'half' | 'down' | 'none'

/** Whether a source answered in each step of the last hour, the oldest first, as a strip of colours and as a sentence. */
export function HealthStrip({ history }: { readonly history: SourceHistory }) {
  const steps = history.up.map((up, i): Step => {
    const breaker = history.breaker[i]
    if (up === false || breaker === 'open') return 'down'
    if (breaker === 'half_open') return 'half'
    return up === null && (breaker === null || breaker === undefined) ? 'none' : 'up'
  })
  const known = steps.filter((step) => step !== 'none').length
  const down = steps.filter((step) => step === 'down').length
  const text =
    known === 0
      ? 'No health check in the last hour.'
      : down === 0
        ? 'Answered all health checks of the last hour, with closed breakers.'
        : `Down, or with an open breaker, in ${Math.round((100 * down) / known)} % of what is known of the last hour.`
  return (
    <div>
      <div class="strip" role="img" aria-label={text} title={text}>
        {steps.map((step, i) => (
          <i key={i} class={step} />
        ))}
      </div>
      <p class="faint">{text}</p>
    </div>
  )
}
