import { useSignal } from '@preact/signals'
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import type { Column } from '../../api/answers.ts'
import { formatCount } from '../../format/figures.ts'
import { columnsInSight } from './columns-in-sight.ts'
import {
  cellText,
  columnWidths,
  isNumeric,
  MAX_CHARACTERS_IN_SIGHT,
  type ResultRows,
  type Row,
  wholeText,
} from './result-rows.ts'
import { ValueDialog } from './value-dialog.tsx'

/** Height of a row in pixels, as in query.css. */
const ROW_PIXELS = 24
/** Rows that are drawn above and below those in sight, so that scrolling shows no gap. */
const SPARE_ROWS = 12
/** Rows after which the widths of the columns stay as they are. */
const SAMPLED_ROWS = 200

/** The rows of a result. Only those in sight are drawn, and of them the columns in sight, so their numbers do not matter. @param rowCount rows of the result so far */
export function ResultTable({ result, rowCount }: { readonly result: ResultRows; readonly rowCount: number }) {
  const box = useRef<HTMLDivElement>(null)
  const top = useSignal(0)
  const height = useSignal(600)
  const left = useSignal(0)
  const width = useSignal(1200)
  const opened = useSignal<{ readonly name: string; readonly text: string } | undefined>(undefined)
  const onOpen = (value: unknown, column: Column) => {
    opened.value = { name: column.name, text: wholeText(value, column) }
  }
  useLayoutEffect(() => {
    const element = box.current!
    const observer = new ResizeObserver(() => {
      height.value = element.clientHeight
      width.value = element.clientWidth
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [height, width])
  const sampled = Math.min(rowCount, SAMPLED_ROWS)
  // The rows grow in place, so their number tells that there are more of them.
  const widths = useMemo(() => columnWidths(result), [result, sampled])
  const numberPixels = 24 + 8 * String(rowCount).length
  const columns = columnsInSight(widths, left.value - numberPixels, width.value)
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
        left.value = currentTarget.scrollLeft
      }}
    >
      <table
        aria-rowcount={rowCount + 1}
        aria-colcount={widths.length + 1}
        style={{ width: `${widths.reduce((sum, width) => sum + width, numberPixels)}px` }}
      >
        <caption>Rows of the result</caption>
        <colgroup>
          <col style={{ width: `${numberPixels}px` }} />
          {widths.map((width, i) => (
            <col key={i} style={{ width: `${width}px` }} />
          ))}
        </colgroup>
        <thead>
          <tr>
            <th scope="col" class="figure">
              <span class="hidden">Row</span>
            </th>
            <SideGap columns={columns.first} />
            {result.columns.slice(columns.first, columns.last).map((column, i) => (
              <th
                key={columns.first + i}
                scope="col"
                aria-colindex={columns.first + i + 2}
                class={isNumeric(column) ? 'figure' : undefined}
                title={column.name}
              >
                {column.name}
                <span class="type">{column.type}</span>
              </th>
            ))}
            <SideGap columns={widths.length - columns.last} />
          </tr>
        </thead>
        <tbody>
          <Gap rows={first} />
          {result.rows.slice(first, last).map((row, i) => (
            <ResultRow key={first + i} index={first + i} row={row} result={result} onOpen={onOpen} columns={columns} />
          ))}
          <Gap rows={rowCount - last} />
        </tbody>
      </table>
      {opened.value && (
        <ValueDialog
          {...opened.value}
          onClose={() => {
            opened.value = undefined
          }}
        />
      )}
    </div>
  )
}

/** The place of rows that are out of sight. */
function Gap({ rows }: { readonly rows: number }) {
  if (rows <= 0) return null
  return <tr class="gap" style={{ height: `${rows * ROW_PIXELS}px` }} />
}

interface ResultRowProps {
  readonly index: number
  readonly row: Row
  readonly result: ResultRows
  /** The columns to draw. */
  readonly columns: ReturnType<typeof columnsInSight>
  /** Shows a value in whole. */
  readonly onOpen: (value: unknown, column: Column) => void
}

function ResultRow({ index, row, result, columns: { first, last }, onOpen }: ResultRowProps) {
  return (
    <tr aria-rowindex={index + 2} class={index % 2 === 1 ? 'odd' : undefined}>
      <th scope="row" class="figure">
        {index + 1}
      </th>
      <SideGap columns={first} />
      {result.columns.slice(first, last).map((column, i) => (
        <Cell key={first + i} index={first + i} value={row[first + i]} column={column} onOpen={onOpen} />
      ))}
      <SideGap columns={result.columns.length - last} />
    </tr>
  )
}

/** The place of columns that are out of sight. */
function SideGap({ columns }: { readonly columns: number }) {
  return columns > 0 ? <td colSpan={columns} aria-hidden="true" /> : null
}

interface CellProps {
  /** Number of the column, from 0. */
  readonly index: number
  readonly value: unknown
  readonly column: Column
  readonly onOpen: (value: unknown, column: Column) => void
}

function Cell({ index, value, column, onOpen }: CellProps) {
  const figure = isNumeric(column) ? 'figure' : ''
  if (value === null)
    return (
      <td aria-colindex={index + 2} class={`null ${figure}`}>
        null
      </td>
    )
  const text = cellText(value, column)
  return (
    <td aria-colindex={index + 2} class={figure}>
      {text.length > MAX_CHARACTERS_IN_SIGHT ? (
        <button type="button" class="cell" title="Show the whole value" onClick={() => onOpen(value, column)}>
          {text}
        </button>
      ) : (
        text
      )}
    </td>
  )
}
