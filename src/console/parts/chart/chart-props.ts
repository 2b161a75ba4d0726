/** One line, area or row of bars of a chart. */
export interface ChartSeries {
  readonly label: string
  /** Name of a colour of `style/tokens.css`, without `--`. */
  readonly colour: string
  /** A value for each point; null where nothing is known. */
  readonly values: readonly (number | null)[]
  readonly kind?: 'line' | 'area' | 'bars'
}

export interface ChartProps {
  readonly title: string
  /** Unix times in seconds, in their order. */
  readonly times: readonly number[]
  readonly series: readonly ChartSeries[]
  /** Writes a value with its unit. */
  readonly format: (value: number) => string
  /** Writes the time of a point. */
  readonly formatPoint: (seconds: number) => string
  readonly heightPx?: number
  /** Least upper end of the axis, so that little is drawn as little. */
  readonly leastTop?: number
  /** A line across the chart with its name, such as a budget. */
  readonly limit?: { readonly label: string; readonly value: number } | undefined
  /** Whether the axis has steps of powers of two, as bytes do. */
  readonly isBinary?: boolean
  /** Whether the points are whole days: labels then have no time of day. */
  readonly isDaily?: boolean
}
