import type { SourceHistory } from '../../api/history-answers.ts'

type Step = 'up' | 'half' | 'down' | 'none'

const HOUR_S = 3600

interface HealthStripProps {
  readonly history: SourceHistory
  readonly stepSeconds: number
}

/** Whether a source answered in each step of the last hour, the oldest first, as a strip of colours and as a sentence. */
export function HealthStrip({ history, stepSeconds }: HealthStripProps) {
  const steps = history.up.map((up, i): Step => {
    const breaker = history.breaker[i]
    if (up === false || breaker === 'open') return 'down'
    if (breaker === 'half_open') return 'half'
    return up === null && (breaker === null || breaker === undefined) ? 'none' : 'up'
  })
  const known = steps.filter((step) => step !== 'none').length
  const down = steps.filter((step) => step === 'down').length
  const knownS = known * stepSeconds
  const of = `${knownS < 120 ? `${knownS} s` : `${Math.round(knownS / 60)} min`} that are known`
  const span = knownS + stepSeconds >= HOUR_S ? 'the last hour' : `the ${of} of the last hour`
  const text =
    known === 0
      ? 'No health check in the last hour.'
      : down === 0
        ? `Answered all health checks of ${span}, with closed breakers.`
        : `Down, or with an open breaker, in ${Math.round((100 * down) / known)} % of ${span}.`
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
