import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { formatBytes, formatDuration, formatRows, formatUsd } from '../../format/figures.ts'
import { ErrorNote } from '../../parts/error-note.tsx'
import { cancelDownload, download, downloadError, downloadedBytes, MAX_HELD_BYTES, writesToFiles } from './download.ts'
import type { Shown } from './query-run.ts'
import { ResultTable } from './result-table.tsx'

const ends = { complete: '', full: 'cut', cancelled: 'cancelled', failed: 'failed' } as const

/** A result with what it took, and its downloads. */
export function ResultPanel({ shown }: { readonly shown: Shown }) {
  const { result, rowCount, end, affectedRows, metrics, startedAt } = shown
  const isChange = affectedRows !== null && affectedRows !== undefined
  return (
    <section aria-labelledby="result">
      <div class="result-head">
        <h2 id="result">Result</h2>
        <p class="figures">
          {factsOf(shown).join(' · ')}
          {!end && <Elapsed since={startedAt} />}
        </p>
        {end && ends[end] && <span class="badge warn">{ends[end]}</span>}
        {metrics?.cache_hit && <span class="badge good">from the cache</span>}
        {!isChange && end && end !== 'failed' && <Downloads shown={shown} />}
      </div>
      {end === 'full' && (
        <p class="note warn">
          The console shows the first {formatRows(rowCount)} and has ended the statement. Download the result to get all
          rows.
        </p>
      )}
      {end === 'failed' && rowCount > 0 && <p class="note warn">The result is not complete.</p>}
      {downloadError.value && <ErrorNote error={downloadError.value} />}
      {result.columns.length > 0 && !isChange && <ResultTable result={result} rowCount={rowCount} />}
    </section>
  )
}

/** The time since a statement began, every second. @param since as `performance.now()` */
function Elapsed({ since }: { readonly since: number }) {
  const now = useSignal(performance.now())
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = performance.now()
    }, 1000)
    return () => clearInterval(timer)
  }, [now])
  return ` · ${formatDuration(Math.max(0, now.value - since))}`
}

function factsOf({ rowCount, affectedRows, metrics, percent, end }: Shown): string[] {
  const facts = [
    affectedRows === null || affectedRows === undefined ? formatRows(rowCount) : `${formatRows(affectedRows)} changed`,
  ]
  if (metrics) {
    facts.push(formatBytes(metrics.bytes), formatDuration(metrics.total_ms))
    if (metrics.billed_bytes !== null) facts.push(`${formatBytes(metrics.billed_bytes)} billed`)
    if (metrics.cost_usd !== null) facts.push(formatUsd(metrics.cost_usd))
    if (metrics.data_source !== null) facts.push(metrics.data_source)
  } else if (!end) {
    if (percent !== null) facts.push(`${percent} %`)
  }
  return facts
}

function Downloads({ shown: { asked } }: { readonly shown: Shown }) {
  const bytes = downloadedBytes.value
  if (bytes !== undefined)
    return (
      <div class="downloads">
        <span class="figures">{formatBytes(bytes)}</span>
        <button type="button" class="small" onClick={cancelDownload}>
          Cancel the download
        </button>
      </div>
    )
  const bound = writesToFiles() ? 'The rows go to a file as they come.' : `At most ${formatBytes(MAX_HELD_BYTES)}.`
  return (
    <fieldset class="downloads" title={`A download runs the statement again, unless its result is cached. ${bound}`}>
      <legend class="hidden">
        Download all rows. It runs the statement again, unless its result is cached. {bound}
      </legend>
      <button type="button" class="small" onClick={() => void download(asked, 'csv')}>
        Download CSV
      </button>
      <button type="button" class="small" onClick={() => void download(asked, 'arrow')}>
        Download Arrow
      </button>
    </fieldset>
  )
}
