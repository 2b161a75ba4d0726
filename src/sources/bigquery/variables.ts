import { section, type Variable } from '../../config/setting/variable.ts'

type Apply = Variable['apply']
type Section = Record<string, unknown>

/** Sets a setting of the source `bigquery`, and creates the source if it is missing. */
const own =
  (setting: string): Apply =>
  (value, root) => {
    const source = section(section(root, 'sources'), 'bigquery')
    source['kind'] ??= 'bigquery'
    source[setting] = value
  }

/** Sets a limit of every source of this kind. */
const limit =
  (setting: string): Apply =>
  (value, root) => {
    for (const source of Object.values(section(root, 'sources')) as (Section | null)[])
      if (source?.['kind'] === 'bigquery') section(source, 'limits')[setting] = dollars(value)
  }

const dollars = (value: string): unknown => (/^\d+(\.\d+)?$/.test(value) ? Number(value) : value)

const dollarProblem = (value: string) =>
  typeof dollars(value) === 'number' ? undefined : 'must be an amount of US dollars, such as 5 or 0.50'

/** Variables of BigQuery sources. BIGQUERY_PROJECT_ID comes first: it may create the source that the others change. */
export const bigQueryVariables: readonly Variable[] = [
  {
    name: 'BIGQUERY_PROJECT_ID',
    about: '`sources.bigquery.projectId`. Creates the source `bigquery` if it is missing.',
    gives: 'sources.bigquery.projectId',
    apply: own('projectId'),
  },
  { name: 'BIGQUERY_LOCATION', about: '`sources.bigquery.location`.', apply: own('location') },
  { name: 'BIGQUERY_KEY_FILE', about: '`sources.bigquery.keyFile`.', apply: own('keyFile') },
  {
    name: 'BIGQUERY_MAX_COST_PER_QUERY',
    about: '`limits.maxCostPerQueryUsd` of every `bigquery` source, in US dollars.',
    problem: dollarProblem,
    apply: limit('maxCostPerQueryUsd'),
  },
  {
    name: 'BIGQUERY_MONTHLY_BUDGET',
    about: '`limits.monthlyBudgetUsd` of every `bigquery` source, in US dollars.',
    problem: dollarProblem,
    apply: limit('monthlyBudgetUsd'),
  },
]
