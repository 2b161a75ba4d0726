import uPlot from 'uplot'
import type { ChartProps } from './chart-props.ts'

/** The data of a chart as uPlot takes them. */
export function dataOf({ times, series }: ChartProps): uPlot.AlignedData {
  return [times as number[], ...series.map(({ values }) => values as (number | null)[])]
}

/**
 * What uPlot draws.
 * @param latest the newest properties of the chart: data and formats may change without another chart
 * @param onHover receives the index of the point under the pointer
 */
export function optionsOf(
  latest: { readonly current: ChartProps },
  onHover: (index: number | undefined) => void,
  colours: Readonly<Record<string, string>>,
  width: number,
  height: number,
): uPlot.Options {
  const { series, isDaily, isBinary } = latest.current
  const font = '11px system-ui, sans-serif'
  const bars = uPlot.paths.bars!({ size: [0.7, 48] })
  const axis = { stroke: colours['faint']!, font, grid: { stroke: colours['line']!, width: 1 }, ticks: { show: false } }
  return {
    width,
    height,
    ...(isDaily && { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') }),
    legend: { show: false },
    cursor: { y: false, points: { size: 5 }, drag: { x: false, y: false } },
    padding: [8, 4, 0, 0],
    scales: {
      x: { time: true, ...(isDaily && { range: dayRange }) },
      y: { range: (_chart, _low, high) => [0, topOf(latest.current, high)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 26,
        gap: 6,
        ...(isDaily ? { values: dayLabels } : { space: 60, values: clockLabels }),
      },
      {
        ...axis,
        size: 64,
        gap: 4,
        space: 28,
        ...(isBinary && { incrs: powersOfTwo }),
        values: (_chart, values) => values.map((value) => latest.current.format(value)),
      },
    ],
    series: [
      {},
      ...series.map(({ label, colour, kind = 'line' }): uPlot.Series => {
        const stroke = colours[colour] ?? colours['accent']!
        return {
          label,
          stroke,
          width: kind === 'bars' ? 0 : 1.5,
          points: { show: kind !== 'bars', size: 4, width: 0, fill: stroke, filter: isolatedPoints },
          spanGaps: false,
          ...(kind !== 'line' && { fill: kind === 'bars' ? stroke : faded(stroke) }),
          ...(kind === 'bars' && { paths: bars }),
        }
      }),
    ],
    hooks: {
      draw: [(chart) => drawLimit(chart, latest.current, colours, font)],
      setCursor: [({ cursor }) => onHover(cursor.idx ?? undefined)],
    },
  }
}

function topOf({ leastTop = 1, limit }: ChartProps, high: number | null): number {
  return Math.max(leastTop, (high ?? 0) * 1.1, (limit?.value ?? 0) * 1.2)
}

const powersOfTwo = Array.from({ length: 60 }, (_, power) => 2 ** power)

/** Points without a neighbour, which no line would show. */
const isolatedPoints = (chart: uPlot, series: number): number[] => {
  const values = chart.data[series]!
  const isKnown = (i: number) => values[i] !== null && values[i] !== undefined
  return Array.from(values.keys()).filter((i) => isKnown(i) && !isKnown(i - 1) && !isKnown(i + 1))
}

/** A bar stands in the middle of its day. */
const dayRange = (_chart: uPlot, first: number, last: number): [number, number] => [first - 43_200, last + 43_200]

const dayLabels = (_chart: uPlot, seconds: number[]) =>
  seconds.map((each) => (each % 86_400 === 0 ? String(new Date(each * 1000).getUTCDate()) : ''))

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const clockLabels = (_chart: uPlot, seconds: number[]) => seconds.map((each) => clock.format(each * 1000))

function faded(colour: string): string {
  return `color-mix(in srgb, ${colour} 18%, transparent)`
}

/** A dashed line at the limit. */
function drawLimit(chart: uPlot, { limit }: ChartProps, colours: Readonly<Record<string, string>>, font: string): void {
  if (!limit) return
  const { ctx, bbox } = chart
  const y = chart.valToPos(limit.value, 'y', true)
  const ratio = devicePixelRatio
  ctx.save()
  ctx.strokeStyle = colours['bad']!
  ctx.fillStyle = colours['bad']!
  ctx.lineWidth = ratio
  ctx.setLineDash([4 * ratio, 3 * ratio])
  ctx.beginPath()
  ctx.moveTo(bbox.left, y)
  ctx.lineTo(bbox.left + bbox.width, y)
  ctx.stroke()
  ctx.font = font.replace('11px', `${11 * ratio}px`)
  ctx.textAlign = 'right'
  ctx.textBaseline = 'bottom'
  ctx.fillText(limit.label, bbox.left + bbox.width, y - 2 * ratio)
  ctx.restore()
}
