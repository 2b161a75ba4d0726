import { useId } from 'preact/hooks'
import type { Source } from '../../api/answers.ts'
import type { SourceHistory } from '../../api/history-answers.ts'
import { formatBytes, formatCount } from '../../format/figures.ts'
import { perSecond } from '../../format/series.ts'
import { formatTime } from '../../format/times.ts'
import { Chart } from '../../parts/chart/chart.tsx'
import { HealthBadge } from './badges.tsx'
import { HealthStrip } from './health-strip.tsx'

interface SourcePanelProps {
  readonly source: Source
  readonly history: SourceHistory
  readonly times: readonly number[]
  readonly stepSeconds: number
}

const formatPoint = (seconds: number) => formatTime(new Date(seconds * 1000).toISOString())
const whole = (value: number) => formatCount(Math.round(value * 10) / 10)

/** The last hour of one source: statements, slots and queue, pool, bytes. */
export function SourcePanel({ source, history, times, stepSeconds }: SourcePanelProps) {
  const id = useId()
  const shared = { times, formatPoint }
  const hasPool = history.max_connections.some((most) => (most ?? 0) > 0)
  return (
    <section class="panel" aria-labelledby={id}>
      <header>
        <h2 id={id}>{source.name}</h2>
        <span class="faint">{source.kind}</span>
        <HealthBadge health={source.health} />
      </header>
      <HealthStrip history={history} stepSeconds={stepSeconds} />
      <div class="multiples">
        <Chart
          {...shared}
          title={`Statements in ${stepSeconds} s`}
          format={whole}
          leastTop={4}
          series={[
            { label: 'ended', colour: 'accent', values: history.statements, kind: 'area' },
            { label: 'failed', colour: 'bad', values: history.failed },
          ]}
        />
        <Chart
          {...shared}
          title="Slots and queue"
          format={whole}
          leastTop={4}
          series={[
            { label: 'slots', colour: 'faint', values: history.slots },
            { label: 'in use', colour: 'accent', values: history.slots_used, kind: 'area' },
            { label: 'queued', colour: 'warn', values: history.queued },
          ]}
        />
        {hasPool && (
          <Chart
            {...shared}
            title="Connection pool"
            format={whole}
            leastTop={4}
            series={[
              { label: 'most', colour: 'faint', values: history.max_connections },
              { label: 'open', colour: 'second', values: history.connections },
              { label: 'busy', colour: 'accent', values: history.busy_connections, kind: 'area' },
              { label: 'waiting', colour: 'warn', values: history.waiting },
            ]}
          />
        )}
        <Chart
          {...shared}
          title="Bytes a second"
          format={(value) => formatBytes(Math.round(value))}
          isBinary
          leastTop={1024}
          series={[{ label: 'sent', colour: 'accent', values: perSecond(history.bytes, stepSeconds), kind: 'area' }]}
        />
      </div>
    </section>
  )
}
