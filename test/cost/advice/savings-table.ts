import { bytesText } from '../../../src/cost/advice/rules/rule.ts'
import { priceOf } from '../../../src/cost/pricing/price.ts'
import type { Advice } from '../../../src/query/estimate.ts'
import type { Source } from '../../../src/query/source.ts'
import type { Context, Plan, Query } from '../../../src/query/types.ts'
import { patientAdvisor } from './advise-on.ts'
import type { TypicalStatement } from './typical-statements.ts'

/** What advice saves on one statement. */
export interface Saving {
  readonly about: string
  readonly bytes: number
  /** The best rewrite that returns the same rows. */
  readonly same: Advice | undefined
  /** The best example, where there is no such rewrite. */
  readonly example: Advice | undefined
  /** Rules without figures. */
  readonly others: readonly string[]
}

/** Asks a source for the estimate of each statement, with advice. */
export async function savingsOf(
  source: Source,
  statements: readonly TypicalStatement[],
  ctx: Context,
): Promise<readonly Saving[]> {
  const advisor = patientAdvisor()
  const pricing = { model: 'on_demand', edition: 'enterprise' } as const
  try {
    const savings: Saving[] = []
    for (const { about, sql } of statements) {
      const query = (text: string): Query => ({ source: 'bq', sql: text, session: {}, purpose: 'read', estimate: true })
      const dryRun = async (text: string): Promise<Plan> => {
        const plan = await source.plan(query(text), ctx)
        return { ...plan, estimate: priceOf(plan.estimate!, pricing) }
      }
      const plan = await dryRun(sql)
      const { advice = [] } = await advisor.advise(query(sql), plan, { cost: source.cost!, dryRun }, ctx)
      const measured = advice.filter(({ savedBytes }) => savedBytes !== undefined)
      const isExample = ({ message }: Advice) => message.includes('As an example')
      const same = measured.find((each) => !isExample(each))
      savings.push({
        about,
        bytes: plan.estimate!.billableBytes!,
        same,
        example: same ? undefined : measured.find(isExample),
        others: [...new Set(advice.filter(({ savedBytes }) => savedBytes === undefined).map(({ rule }) => rule))],
      })
    }
    return savings
  } finally {
    await advisor.close()
  }
}

/** Share of all bytes that following the advice saves, from 0 to 1. */
export function shareSaved(savings: readonly Saving[], withExamples: boolean): number {
  const total = savings.reduce((sum, { bytes }) => sum + bytes, 0)
  const saved = savings.reduce((sum, { same, example }) => {
    return sum + (same?.savedBytes ?? (withExamples ? (example?.savedBytes ?? 0) : 0))
  }, 0)
  return saved / total
}

/** The savings as a table in Markdown. */
export function savingsTable(savings: readonly Saving[]): string {
  const percent = (share: number) => `-${Math.round(share * 100)} %`
  const rows = savings.map(({ about, bytes, same, example, others }) => {
    const advice = same ?? example
    const after = advice ? bytesText(advice.billableBytes!) : ''
    const saved = advice ? percent(advice.savedBytes! / bytes) : ''
    const cells = same ? [after, saved, ''] : ['', '', advice ? `${after} (${saved})` : '']
    return `| ${[about, bytesText(bytes), ...cells, [...(advice ? [`\`${advice.rule}\``] : []), ...others.map((rule) => `\`${rule}\``)].join(', ')].join(' | ')} |`
  })
  const total = savings.reduce((sum, { bytes }) => sum + bytes, 0)
  const left = (share: number) => bytesText(total * (1 - share))
  const [same, all] = [shareSaved(savings, false), shareSaved(savings, true)]
  return [
    '| Statement | Billed | With the rewrite | Saved | With the example | Rules |',
    '|---|---|---|---|---|---|',
    ...rows,
    `| **all ${savings.length}** | **${bytesText(total)}** | **${left(same)}** | **${percent(same)}** | **${left(all)} (${percent(all)})** | |`,
  ].join('\n')
}
