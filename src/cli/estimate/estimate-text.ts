import type { EstimateJson } from './estimate-json.ts'
import { bytesText, countText, dollarsText } from './figures.ts'

/** How far the figures can be trusted, after them. */
const accuracies: Readonly<Record<string, string>> = {
  unknown: 'the source cannot tell',
  estimated: 'estimated from statistics',
  lower_bound: 'at least',
  upper_bound: 'at most',
  exact: 'exact',
}
const MAX_COLUMNS = 12

/** An estimate as lines for people: a label, and what there is to say. */
export function estimateText(estimate: EstimateJson): string {
  return linesOf(estimate)
    .map(([label, value]) => `${label.padEnd(10)}${value}`.trimEnd())
    .join('\n')
}

type Line = readonly [label: string, value: string]

function linesOf(estimate: EstimateJson): Line[] {
  const { data_source: source, statement_type: type, rows, refusal, advice, suggestions } = estimate
  // The messages of the rules are among the suggestions.
  const others = suggestions.filter((text) => !advice.some(({ message }) => message === text))
  return [
    ['Source', type === null ? source : `${source}, ${type}`],
    ...readLines(estimate),
    ...costLines(estimate),
    ...(rows === null ? [] : [['Returns', `${countText(rows)} ${rows === 1 ? 'row' : 'rows'}`] as const]),
    ...listed('Tables', estimate.referenced_tables),
    ...columnLines(estimate),
    ...listed('And', estimate.external_costs),
    ...advice.flatMap(adviceLines),
    ...listed('Advice', others),
    ...(refusal === null ? [] : [['Refused', refusal] as const]),
  ]
}

function readLines({ bytes, accuracy }: EstimateJson): Line[] {
  const trust = accuracies[accuracy] ?? accuracy
  return [['Reads', bytes === null ? `unknown: ${trust}` : `${bytesText(bytes)}, ${trust}`]]
}

function costLines({ billable_bytes: bytes, cost_usd: usd, slot_ms: slotMs, price }: EstimateJson): Line[] {
  if (!price) return []
  const {
    model,
    region,
    usd_per_tib: tib,
    usd_per_slot_hour: slotHour,
    edition,
    checked_on: day,
    free_tier: free,
  } = price
  const since = day === null ? '' : `, checked on ${day}`
  const lines: Line[] = []
  if (model === 'on_demand') {
    const list = price.is_assumed ? `: the list lacks ${region}, its dearest price is assumed` : ` in ${region}${since}`
    lines.push(['Bills', bytes === null ? 'unknown' : bytesText(bytes)])
    lines.push(['Costs', `${usd === null ? 'unknown' : dollarsText(usd)} (${tib} USD per TiB${list})`])
  } else {
    const known = slotHour === null ? 'slot price not known' : `${slotHour} USD per slot and hour`
    lines.push([
      'Bills',
      `slots of a reservation; bytes are free${slotMs === null ? '' : `. ${countText(slotMs)} slot-ms`}`,
    ])
    lines.push(['Costs', `${usd === null ? 'unknown' : dollarsText(usd)} (${edition}, ${known} in ${region})`])
  }
  if (free)
    lines.push([
      '',
      free.own_bytes_per_month > 0 && free.own_bytes_left !== null
        ? `${bytesText(free.own_bytes_left)} of this month's free bytes are left to this gateway, and taken off the cost`
        : `${bytesText(free.bytes_per_month)} a month is free for the billing account; not taken off the cost`,
    ])
  return lines
}

function columnLines({ columns }: EstimateJson): Line[] {
  if (!columns || columns.length === 0) return []
  const shown = columns.slice(0, MAX_COLUMNS).map(({ name, type }) => `${name} ${type}`)
  const more = columns.length - shown.length
  return [['Columns', `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`]]
}

function adviceLines({ message, rewritten_query: query }: EstimateJson['advice'][number]): Line[] {
  const lines: Line[] = [['Advice', message]]
  for (const line of query?.trim().split('\n') ?? []) lines.push(['', `  ${line}`])
  return lines
}

/** One line for each text, the label before the first one. */
function listed(label: string, texts: readonly string[]): Line[] {
  return texts.map((text, i) => [i === 0 ? label : '', text])
}
