import type { History } from '../../api/history-answers.ts'
import { formatBytes, formatDuration } from '../../format/figures.ts'
import { formatTime } from '../../format/times.ts'
import { Chart } from '../../parts/chart/chart.tsx'

interface ProcessPanelProps {
  readonly history: History
  readonly times: readonly number[]
}

const formatPoint = (seconds: number) => formatTime(new Date(seconds * 1000).toISOString())

/** The last hour of the gateway's processes. */
export function ProcessPanel({ history: { process, processes }, times }: ProcessPanelProps) {
  return (
    <section class="panel" aria-labelledby="processes">
      <header>
        <h2 id="processes">Gateway</h2>
        <span class="faint">{processes === 1 ? 'one process' : `${processes} processes`}</span>
      </header>
      <div class="multiples">
        <Chart
          title="Longest delay of the event loop"
          times={times}
          formatPoint={formatPoint}
          format={formatDuration}
          leastTop={20}
          series={[{ label: 'delay', colour: 'accent', values: process.event_loop_ms, kind: 'area' }]}
        />
        <Chart
          title="Memory"
          times={times}
          formatPoint={formatPoint}
          format={(value) => formatBytes(Math.round(value))}
          isBinary
          leastTop={64 << 20}
          series={[
            { label: 'resident', colour: 'accent', values: process.rss_bytes, kind: 'area' },
            { label: 'result cache', colour: 'second', values: process.cache_bytes },
          ]}
        />
      </div>
    </section>
  )
}
