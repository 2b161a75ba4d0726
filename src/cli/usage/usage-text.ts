import { countText, dollarsText, shortBytes } from '../estimate/figures.ts'
import { textTable } from '../text-table.ts'
import type { UsageJson } from './usage-json.ts'

const MAX_STATEMENTS = 10
const MAX_TEXT = 60

/** What statements have cost, as tables for people. */
export function usageText(usage: UsageJson): string {
  const { month, time_zone: zone, cost_usd: usd, forecast_usd: forecast, forecast_basis: basis } = usage
  const of = [
    usage.data_source && `source ${usage.data_source}`,
    usage.principal && `principal ${usage.principal}`,
    usage.group && `group ${usage.group}`,
    usage.label && `label ${usage.label}`,
  ].filter((each) => each)
  const head = [
    `${month}${of.length > 0 ? `, ${of.join(', ')}` : ''} (${zone})`,
    `Spent     ${dollarsText(usd)}, ${countText(usage.statements)} ${usage.statements === 1 ? 'statement' : 'statements'}, ${shortBytes(usage.billed_bytes)} billed, ${countText(usage.cache_hits)} from the engine's cache`,
    ...(forecast === null ? [] : [`Forecast  ${dollarsText(forecast)} for the whole month. ${basis ?? ''}`.trimEnd()]),
  ]
  const rows = (title: string, list: UsageJson['days']) =>
    table(
      [title, 'USD', 'Statements', 'Billed', 'Cached'],
      list.map((row) => [
        row.name || '-',
        plainDollars(row.cost_usd),
        countText(row.statements),
        shortBytes(row.billed_bytes),
        countText(row.cache_hits),
      ]),
    )
  const parts = [
    head.join('\n'),
    table(
      ['Budget', 'Period', 'USD', 'Spent', 'Held', 'Used'],
      usage.budgets.map(({ account, name, period, limit_usd: limit, spent_usd: spent, reserved_usd: held }) => [
        name ? `${account} ${name}` : account,
        period,
        plainDollars(limit),
        plainDollars(spent),
        plainDollars(held),
        limit === 0 ? '-' : `${Math.round(((spent + held) / limit) * 100)} %`,
      ]),
      2,
    ),
    rows('Day', usage.days),
    usage.data_sources.length > 1 ? rows('Source', usage.data_sources) : '',
    usage.principal === null ? rows('Principal', usage.principals) : '',
    rows('Group', usage.groups),
    usage.label === null ? rows('Label', usage.labels) : '',
    table(
      ['Statement', 'USD', 'Runs', 'Billed', 'Principal'],
      usage.top_statements
        .slice(0, MAX_STATEMENTS)
        .map(({ statement_hash: hash, text, runs, cost_usd: cost, billed_bytes: bytes, principal }) => [
          shortText(text ?? hash),
          plainDollars(cost),
          countText(runs),
          shortBytes(bytes),
          principal,
        ]),
    ),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

/** Rows under their titles; the first columns are texts, the others numbers, and principals a text. */
function table(titles: readonly string[], rows: readonly (readonly string[])[], texts = 1): string {
  return textTable(titles, rows, (column) => column < texts || titles[column] === 'Principal')
}

function plainDollars(usd: number): string {
  return dollarsText(usd).replace(' USD', '')
}

/** A text on one line, without characters that a terminal would obey. */
function shortText(text: string): string {
  const line = text.replaceAll(/[\s\p{C}]+/gu, ' ').trim()
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT - 3)}...` : line
}
