import { metricFacts } from '../../scripts/generate-metrics-docs.ts'

/** Labels that Prometheus adds to series, or to the samples of histograms. */
const ofPrometheus = ['job', 'instance', 'le', 'namespace', 'pod']
/** Series that Prometheus makes itself, with labels of their own. */
const made: Readonly<Record<string, readonly string[]>> = { up: [], ALERTS: ['alertname', 'alertstate'] }

/** A metric in a PromQL expression, with the labels by which the expression selects its series. */
interface Series {
  readonly name: string
  readonly labels: readonly string[]
}

/** The metrics of the gateway, of rules and of Prometheus in an expression. */
export function seriesIn(expr: string): Series[] {
  const code = expr.replace(/#.*$/gm, '')
  return [...code.matchAll(/\b((?:flightgate|nodejs|process)[_:][\w:]+|up|ALERTS)\b(?:\{([^}]*)\})?/g)].map(
    ([, name, selector = '']) => ({
      name: name!,
      labels: [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label!),
    }),
  )
}

/** The labels that an expression groups by or matches on. */
export function groupingsIn(expr: string): string[] {
  const lists = [...expr.matchAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g)]
  return lists.flatMap(([, list]) => list!.split(',').map((label) => label.trim())).filter((label) => label !== '')
}

/** Finds metrics and labels in expressions that the gateway does not export. @param recorded names that recording rules make */
export async function unknownIn(exprs: readonly string[], recorded: readonly string[] = []): Promise<string[]> {
  const known = new Map((await metricFacts()).map(({ name, labels }) => [name, labels]))
  const anyLabel = new Set([...ofPrometheus, 'worker', ...[...known.values()].flat()])
  return exprs.flatMap((expr) => {
    const series = seriesIn(expr).flatMap(({ name, labels }) => {
      const isOfOthers = recorded.includes(name)
      const own = made[name] ?? known.get(name) ?? known.get(name.replace(/_(bucket|sum|count)$/, ''))
      if (!own && !isOfOthers) return [`${name} in ${expr}`]
      const allowed = new Set([
        ...(own ?? anyLabel),
        ...ofPrometheus,
        ...(/^(nodejs|process)_/.test(name) ? ['worker'] : []),
      ])
      return labels.filter((label) => !allowed.has(label)).map((label) => `${name}{${label}} in ${expr}`)
    })
    const groupings = groupingsIn(expr).filter((label) => !anyLabel.has(label))
    return [...series, ...groupings.map((label) => `label ${label} in ${expr}`)]
  })
}
