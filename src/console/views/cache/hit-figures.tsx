import type { CacheStats, History } from '../../api/history-answers.ts'
import { formatBytes, formatCount } from '../../format/figures.ts'
import { addedUp, newestOf, sumOf } from '../../format/series.ts'
import { formatTime } from '../../format/times.ts'
import { Chart } from '../../parts/chart/chart.tsx'
import { Scroll } from '../../parts/scroll.tsx'
import { formatRatio, hitRatio, hitRatios } from './hit-ratio.ts'

interface HitFiguresProps {
  readonly history: History
  /** Of the process that answered; absent for callers who are no operators. */
  readonly stats: CacheStats | undefined
  readonly times: readonly number[]
}

const formatPoint = (seconds: number) => formatTime(new Date(seconds * 1000).toISOString())

/** The hit ratio of the last hour, of all sources and of each, and the memory of the cache. */
export function HitFigures({ history, stats, times }: HitFiguresProps) {
  const { data_sources: sources, process, processes } = history
  const all = {
    cache_hits: addedUp(sources.map(({ cache_hits }) => cache_hits)),
    cache_stale_hits: addedUp(sources.map(({ cache_stale_hits }) => cache_stale_hits)),
    cache_misses: addedUp(sources.map(({ cache_misses }) => cache_misses)),
  }
  const hits = sumOf(all.cache_hits) + sumOf(all.cache_stale_hits)
  const misses = sumOf(all.cache_misses)
  const isOff = stats?.max_bytes === 0
  return (
    <section aria-labelledby="hits">
      <h2 id="hits">The last hour</h2>
      {isOff && <p class="note warn">The result cache is off (cache.maxBytes: 0).</p>}
      <dl class="tiles">
        <div>
          <dt>Hit ratio</dt>
          <dd>
            {formatRatio(hitRatio(hits, 0, misses))}
            <small>
              {formatCount(hits)} hits, {formatCount(misses)} misses
            </small>
          </dd>
        </div>
        <div>
          <dt>Entries</dt>
          <dd>{formatCount(newestOf(process.cache_entries))}</dd>
        </div>
        <div>
          <dt>Memory</dt>
          <dd>
            {formatBytes(newestOf(process.cache_bytes))}
            {stats && (
              <small>
                of {formatBytes(stats.max_bytes * processes)}
                {processes > 1 && ` in ${processes} processes`}
              </small>
            )}
          </dd>
        </div>
      </dl>
      <div class="multiples">
        <Chart
          title="Hit ratio"
          times={times}
          formatPoint={formatPoint}
          format={formatRatio}
          leastTop={1}
          series={[{ label: 'all sources', colour: 'good', values: hitRatios(all), kind: 'area' }]}
        />
        <Chart
          title={`Statements in ${history.step_seconds} s`}
          times={times}
          formatPoint={formatPoint}
          format={(value) => formatCount(Math.round(value * 10) / 10)}
          leastTop={4}
          series={[
            { label: 'hits', colour: 'good', values: all.cache_hits, kind: 'area' },
            { label: 'stale', colour: 'warn', values: all.cache_stale_hits },
            { label: 'misses', colour: 'bad', values: all.cache_misses },
          ]}
        />
        <Chart
          title="Memory of the cache"
          times={times}
          formatPoint={formatPoint}
          format={(value) => formatBytes(Math.round(value))}
          isBinary
          leastTop={1 << 20}
          series={[{ label: 'entries', colour: 'accent', values: process.cache_bytes, kind: 'area' }]}
        />
      </div>
      <SourceRatios sources={sources} />
    </section>
  )
}

function SourceRatios({ sources }: { readonly sources: History['data_sources'] }) {
  return (
    <Scroll label="What the cache did for each source in the last hour">
      <table>
        <caption>What the cache did for each source in the last hour</caption>
        <thead>
          <tr>
            <th scope="col">Source</th>
            <th scope="col" class="figure">
              Hit ratio
            </th>
            <th scope="col" class="figure">
              Hits
            </th>
            <th scope="col" class="figure">
              Stale hits
            </th>
            <th scope="col" class="figure">
              Misses
            </th>
            <th scope="col" class="figure">
              Not applicable
            </th>
          </tr>
        </thead>
        <tbody>
          {sources.map(({ name, cache_hits, cache_stale_hits, cache_misses, cache_bypasses }) => {
            const [hits, stale, misses] = [sumOf(cache_hits), sumOf(cache_stale_hits), sumOf(cache_misses)]
            return (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="figure">{formatRatio(hitRatio(hits, stale, misses))}</td>
                <td class="figure">{formatCount(hits)}</td>
                <td class="figure">{formatCount(stale)}</td>
                <td class="figure">{formatCount(misses)}</td>
                <td class="figure">{formatCount(sumOf(cache_bypasses))}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </Scroll>
  )
}
