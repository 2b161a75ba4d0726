import { concurrently } from '../../async/concurrently.ts'
import { untilAborted } from '../../async/until-aborted.ts'
import type { SourceCost, TableFacts } from '../../query/billing/source-cost.ts'
import { deriveContext } from '../../query/derive-context.ts'
import type { Estimate } from '../../query/estimate.ts'
import type { Context, Plan, Query } from '../../query/types.ts'
import { factsKey } from './analysis.ts'
import { type DryRun, type Finding, findingOf, isWorse, ranked, savedBytesOf } from './figures.ts'
import { applyEdits, type Suggestion } from './suggestion.ts'
import { AnalysisThread } from './worker/analysis-thread.ts'

/** Longest time that advice takes, in milliseconds. */
const ADVICE_MS = 2000
/** Most tables whose facts are asked for, and most dry runs, for one statement. */
const MAX_TABLES = 20
const MAX_DRY_RUNS = 6
const MAX_PARALLEL = 4
/** Most pieces of advice. */
const MAX_ADVICE = 10

/** What the advisor needs of a source. */
export interface AdviceSource {
  readonly cost: Pick<SourceCost, 'tableFacts'>
  /** Plans another text of the same query, with its priced estimate. @throws GatewayError if the engine refuses it */
  dryRun(sql: string, ctx: Context): Promise<Plan>
}

/** Advice is limited in time; what is not there by then is left out. */
export interface AdvisorOptions {
  readonly adviceMs?: number
  readonly thread?: AnalysisThread
}

/**
 * Says what would make statements cheaper, with figures from further dry runs, which are free. Advice never fails a query: without
 * an answer in time the estimate stays as it is.
 */
export class Advisor {
  readonly #thread: AnalysisThread
  readonly #adviceMs: number

  constructor({ thread = new AnalysisThread(), adviceMs = ADVICE_MS }: AdvisorOptions = {}) {
    this.#thread = thread
    this.#adviceMs = adviceMs
  }

  /** Adds advice to the estimate of a plan. */
  async advise(query: Query, plan: Plan, source: AdviceSource, ctx: Context): Promise<Estimate> {
    const estimate = plan.estimate ?? { accuracy: 'unknown' }
    const limit = AbortSignal.timeout(this.#adviceMs)
    const limited = deriveContext(ctx, { signal: AbortSignal.any([ctx.signal, limit]) })
    const found: Finding[] = []
    try {
      await untilAborted(this.#collect(query, plan, source, limited, found), limited.signal)
    } catch (error) {
      if (!limited.signal.aborted) ctx.log.warn({ err: error }, 'advice on a statement failed')
    }
    if (found.length === 0) return estimate
    const advice = ranked(found).slice(0, MAX_ADVICE)
    const suggestions = [...new Set([...(estimate.suggestions ?? []), ...advice.map(({ message }) => message)])]
    return { ...estimate, advice, suggestions }
  }

  async close(): Promise<void> {
    await this.#thread.close()
  }

  async #collect(query: Query, plan: Plan, source: AdviceSource, ctx: Context, found: Finding[]): Promise<void> {
    const tables = await this.#thread.tables(query.sql)
    if (!tables) return
    const facts = new Map<string, TableFacts>()
    await concurrently(tables.slice(0, MAX_TABLES), MAX_PARALLEL, async (path) => {
      // Facts are an extra: a table whose metadata cannot be read gets less advice.
      const { schema } = query.session
      const name = path.length === 1 && schema !== undefined ? [schema, ...path] : path
      const known = await source.cost.tableFacts(name, ctx).catch(() => undefined)
      if (known) facts.set(factsKey(path), known)
    })
    ctx.signal.throwIfAborted()
    const suggestions = await this.#thread.suggestions(query.sql, facts, Date.now())
    const base = dryRunOf(plan, query.sql)
    const measured = suggestions
      .filter(({ edits }) => edits)
      .sort((a, b) => rank(a) - rank(b))
      .slice(0, MAX_DRY_RUNS)
    for (const suggestion of suggestions)
      if (!measured.includes(suggestion)) {
        const finding = findingOf(suggestion, base, undefined)
        if (finding) found.push(finding)
      }
    const saving: Suggestion[] = []
    await concurrently(measured, MAX_PARALLEL, async (suggestion) => {
      const sql = applyEdits(query.sql, suggestion.edits!)!
      const run = await source.dryRun(sql, ctx).then(
        (rewritten) => dryRunOf(rewritten, sql),
        () => undefined,
      )
      const fits = run && !isWorse(base, run) && (suggestion.result === 'example' || sameSchema(plan, run.plan))
      const finding = findingOf(suggestion, base, fits ? run : undefined)
      if (ctx.signal.aborted || !finding) return
      found.push(finding)
      if (suggestion.result === 'same' && (finding.advice.savedBytes ?? 0) > 0) saving.push(suggestion)
    })
    const combined = saving.length > 1 && (await this.#combine(query, plan, base, saving, source, ctx))
    if (combined && !ctx.signal.aborted) found.push(combined)
  }

  /** All rewrites that save something and return the same rows, together. */
  async #combine(
    query: Query,
    plan: Plan,
    base: DryRun,
    saving: readonly Suggestion[],
    source: AdviceSource,
    ctx: Context,
  ): Promise<Finding | undefined> {
    const sql = applyEdits(
      query.sql,
      saving.flatMap(({ edits }) => edits!),
    )
    if (sql === undefined) return undefined
    const rewritten = await source.dryRun(sql, ctx).catch(() => undefined)
    const run = rewritten && dryRunOf(rewritten, sql)
    if (!run || !sameSchema(plan, run.plan) || savedBytesOf(base, run) === undefined) return undefined
    const message = `All ${saving.length} rewrites together.`
    return findingOf({ rule: 'combined', message, edits: [], result: 'same', saves: 'bytes' }, base, run)
  }
}

/** Order in which suggestions get a dry run. */
function rank({ saves, result }: Suggestion): number {
  return (saves === 'bytes' ? 0 : 2) + (result === 'example' ? 1 : 0)
}

function dryRunOf(plan: Plan, sql: string): DryRun {
  return { sql, plan, estimate: plan.estimate ?? { accuracy: 'unknown' } }
}

function sameSchema(a: Plan, b: Plan): boolean {
  return Buffer.compare(a.schema, b.schema) === 0
}
