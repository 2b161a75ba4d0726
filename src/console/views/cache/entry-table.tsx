import type { CacheEntry } from '../../api/history-answers.ts'
import { formatBytes, formatCount, formatDuration } from '../../format/figures.ts'
import { formatTime } from '../../format/times.ts'
import { NameCell } from '../../parts/name-cell.tsx'
import { Scroll } from '../../parts/scroll.tsx'
import { StatementText } from '../../parts/statement-text.tsx'

/** Entries of the cache, in the order of the answer. */
export function EntryTable({ entries }: { readonly entries: readonly CacheEntry[] }) {
  const now = Date.now()
  return (
    <Scroll label="Entries of the result cache">
      <table>
        <caption>Entries of the result cache</caption>
        <thead>
          <tr>
            <th scope="col" class="wide">
              Statement
            </th>
            <th scope="col">Source</th>
            <th scope="col">Principal</th>
            <th scope="col">Tags</th>
            <th scope="col" class="figure">
              Rows
            </th>
            <th scope="col" class="figure">
              Bytes
            </th>
            <th scope="col" class="figure">
              Hits
            </th>
            <th scope="col" class="figure">
              Age
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.length === 0 && (
            <tr class="empty">
              <td colSpan={8}>The cache is empty.</td>
            </tr>
          )}
          {entries.map((entry) => (
            <tr key={entry.id}>
              <td class="wide">
                <StatementText text={entry.query} facts={factsOf(entry)} />
              </td>
              <NameCell name={entry.data_source} />
              <NameCell name={entry.principal} />
              <td>{entry.cache_tags.join(', ')}</td>
              <td class="figure">{formatCount(entry.rows)}</td>
              <td class="figure">{formatBytes(entry.bytes)}</td>
              <td class="figure">{formatCount(entry.hits)}</td>
              <td class="figure">{formatDuration(Math.max(0, now - Date.parse(entry.start_time)))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}

function factsOf(entry: CacheEntry): readonly (readonly [string, string])[] {
  return [
    ['Source', entry.data_source],
    ['Filled by', entry.principal],
    ['Key of the client', entry.cache_key ?? 'none'],
    ['Ran', formatTime(entry.start_time)],
    ['Fresh until', formatTime(entry.fresh_until)],
    ['Processes that have it', formatCount(entry.copies)],
  ]
}
