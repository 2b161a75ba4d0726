import { useSignal } from '@preact/signals'
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { formatCount } from '../../format/figures.ts'
import { cellText, columnWidths, isNumeric, type ResultRows, type Row } from './result-rows.ts'

/** Height of a row in pixels, as in query.css. */
const ROW_PIXELS = 24
/** Rows that are drawn above and below those in sight, so that scrolling shows no gap. */
const SPARE_ROWS = 12
/** Rows after which the widths of the columns stay as they are. */
const SAMPLED_ROWS = 200

/** The rows of a result. Only those in sight are drawn, so their number does not matter. @param rowCount rows of the result so far */
export function ResultTable({ result, rowCount }: { readonly result: ResultRows; readonly rowCount: number }) {
  const box = useRef<HTMLDivElement>(null)
  const top = useSignal(0)
  const height = useSignal(600)
  useLayoutEffect(() => {
    const element = box.current!
    const observer = new ResizeObserver(() => {
      height.value = element.clientHeight
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [height])
  const sampled = Math.min(rowCount, SAMPLED_ROWS)
  // The rows grow in place, so their number tells that there are more of them.
  const widths = useMemo(() => columnWidths(result), [result, sampled])
  const numberPixels = 24 + 8 * String(rowCount).length
  const first = Math.max(0, Math.floor(top.value / ROW_PIXELS) - SPARE_ROWS)
  const last = Math.min(rowCount, Math.ceil((top.value + height.value) / ROW_PIXELS) + SPARE_ROWS)
  return (
    // biome-ignore lint/a11y/useSemanticElements: a section would need a heading, and this scrolls.
    <div
      ref={box}
      class="result"
      role="region"
      aria-label={`Result, ${formatCount(rowCount)} rows`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard.
      tabIndex={0}
      onScroll={({ currentTarget }) => {
        top.value = currentTarget.scrollTop
      }}
    >
      <table
        aria-rowcount={rowCount + 1}
        style={{ width: `${widths.reduce((sum, width) => sum + width, numberPixels)}px` }}
      >
        <caption>Rows of the result</caption>
        <colgroup>
          <col style={{ width: `${numberPixels}px` }} />
          {widths.map((width, i) => (
            <col key={result.columns[i]!.name} style={{ width: `${width}px` }} />
          ))}
        </colgroup>
        <thead>
          <tr>
            <th scope="col" class="figure">
              <span class="hidden">Row</span>
            </th>
            {result.columns.map((column) => (
              <th key={column.name} scope="col" class={isNumeric(column) ? 'figure' : undefined} title={column.name}>
                {column.name}
                <span class="type">{column.type}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap rows={first} />
          {result.rows.slice(first, last).map((row, i) => (
            <ResultRow key={first + i} index={first + i} row={row} result={result} />
          ))}
          <Gap rows={rowCount - last} />
        </tbody>
      </table>
    </div>
  )
}

/** The place of rows that are out of sight. */
function Gap({ rows }: { readonly rows: number }) {
  if (rows <= 0) return null
  return <tr class="gap" style={{ height: `${rows * ROW_PIXELS}px` }} />
}

function ResultRow({ index, row, result }: { readonly index: number; readonly row: Row; readonly result: ResultRows }) {
  return (
    <tr aria-rowindex={index + 2} class={index % 2 === 1 ? 'odd' : undefined}>
      <th scope="row" class="figure">
        {index + 1}
      </th>
      {result.columns.map((column, i) => {
        const value = row[i]
        if (value === null)
          return (
            <td key={column.name} class="null">
              null
            </td>
          )
        const text = cellText(value)
        return (
          <td
            key={column.name}
            class={isNumeric(column) ? 'figure' : undefined}
            title={text.length > 40 ? text : undefined}
          >
            {text}
          </td>
        )
      })}
    </tr>
  )
}
