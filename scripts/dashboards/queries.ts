import type { Target } from './dashboard.ts'

/** Sum of the rates of a counter. @param by labels, which the legend shows */
export function rateBy(metric: string, by: string, selectors = ''): Target {
  const legend = by
    .split(', ')
    .map((label) => `{{${label}}}`)
    .join(' ')
  return { expr: `sum by (${by}) (rate(${metric}{$sel${selectors}}[$__rate_interval]))`, legend }
}

/** Sum of a gauge. */
export function sumBy(metric: string, by: string, selectors = ''): Target {
  return { ...rateBy(metric, by), expr: `sum by (${by}) (${metric}{$sel${selectors}})` }
}

/** Quantiles 0.5, 0.95 and 0.99 of a histogram. */
export function quantiles(metric: string, by: string, selectors = ''): Target[] {
  const labels = by
    .split(', ')
    .map((label) => `{{${label}}}`)
    .join(' ')
  return [0.5, 0.95, 0.99].map((q) => ({
    expr: `histogram_quantile(${q}, sum by (le, ${by}) (rate(${metric}_bucket{$sel${selectors}}[$__rate_interval])))`,
    legend: `${labels} p${q * 100}`,
  }))
}
