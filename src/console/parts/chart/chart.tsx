import { useEffect, useId, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { theme } from '../../shell/theme.ts'
import { dataOf, optionsOf } from './chart-options.ts'
import type { ChartProps } from './chart-props.ts'
import { ChartTable } from './chart-table.tsx'
import { themeColours } from './theme-colours.ts'

/** A chart over time. Its figures are also there as text and, for those who open it, as a table. */
export function Chart(props: ChartProps) {
  const { title, times, series, format, heightPx = 110 } = props
  const frame = useRef<HTMLDivElement>(null)
  const id = useId()
  const colours = useColours()
  const [hovered, setHovered] = useState<number | undefined>(undefined)
  const latest = useRef(props)
  latest.current = props
  const plot = useRef<uPlot | undefined>(undefined)
  const shape = series.map(({ label, colour, kind }) => `${label} ${colour} ${kind}`).join()
  useEffect(() => {
    const element = frame.current!
    const width = () => Math.max(120, element.clientWidth)
    const drawn = new uPlot(optionsOf(latest, setHovered, colours, width(), heightPx), dataOf(latest.current), element)
    plot.current = drawn
    const observer = new ResizeObserver(() => drawn.setSize({ width: width(), height: heightPx }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      plot.current = undefined
      drawn.destroy()
    }
  }, [shape, colours, heightPx])
  useEffect(() => {
    plot.current?.setData(dataOf(latest.current))
  }, [times, series])
  return (
    <figure class="chart" aria-labelledby={id}>
      <figcaption>
        <span id={id} class="chart-title">
          {title}
        </span>
        <span class="chart-latest">
          {hovered !== undefined && times[hovered] !== undefined && <span>{props.formatPoint(times[hovered])}</span>}
          {series.map((each) => (
            <span key={each.label}>
              <i style={{ background: `var(--${each.colour})` }} aria-hidden="true" />
              {each.label} <b>{figureOf(each.values, hovered, format)}</b>
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={frame} class="plot" role="img" aria-label={summaryOf(props)} style={{ minHeight: `${heightPx}px` }} />
      <ChartTable {...props} />
    </figure>
  )
}

/** What the chart shows, as a sentence. */
function summaryOf({ title, times, series, format, formatPoint, limit }: ChartProps): string {
  const parts = series.map(({ label, values }) => {
    const known = values.filter((value) => value !== null)
    if (known.length === 0) return `${label}: nothing is known`
    const highest = Math.max(...known)
    const at = times[values.indexOf(highest)]
    return `${label}: ${format(known.at(-1)!)} last, ${format(highest)} at most${at === undefined ? '' : ` (${formatPoint(at)})`}`
  })
  return `${title}. ${parts.join('; ')}.${limit ? ` ${limit.label}: ${format(limit.value)}.` : ''}`
}

/** The value under the pointer; without one the newest that is known. */
function figureOf(
  values: readonly (number | null)[],
  hovered: number | undefined,
  format: (value: number) => string,
): string {
  const value = hovered === undefined ? values.findLast((each) => each !== null) : values[hovered]
  return value === undefined || value === null ? '–' : format(value)
}

/** The colours of the theme as the canvas needs them; new ones when the theme changes. */
function useColours(): Readonly<Record<string, string>> {
  const chosen = theme.value
  const [colours, setColours] = useState(themeColours)
  useEffect(() => {
    const update = () => setColours(themeColours())
    update()
    const preference = matchMedia('(prefers-color-scheme: dark)')
    preference.addEventListener('change', update)
    return () => preference.removeEventListener('change', update)
  }, [chosen])
  return colours
}
