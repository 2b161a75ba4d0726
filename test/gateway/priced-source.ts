import type { Context, Plan, PlannedCost, PlannedStatement, Query, Result } from '../../src/query/types.ts'
import type { SourceKind } from '../../src/sources/kind.ts'
import { dummyKind } from './dummy-source/kind.ts'
import type { DummySettings } from './dummy-source/settings.ts'
import { DummySource } from './dummy-source/source.ts'

/** What the plans of a priced source say. */
export const plannedCost: PlannedCost = {
  billableBytes: 10_485_760,
  costUsd: 0.000059605,
  accuracy: 'exact',
  region: 'US',
}

/** A dummy source whose plans have a price, and whose statements tell what they were billed. `CHANGE` changes data. */
export class PricedSource extends DummySource {
  override readonly writes = true
  /** The queries that were planned and those that ran, the oldest first. */
  readonly planned: Query[] = []
  readonly ran: Query[] = []

  override async plan(query: Query): Promise<Plan> {
    this.planned.push(query)
    const plan = await super.plan(query)
    const kind = query.sql.startsWith('CHANGE') ? 'update' : 'read'
    return { ...plan, kind, cost: plannedCost, estimate: { accuracy: 'exact', bytes: 5 } } as Plan
  }

  override async run(plan: PlannedStatement, ctx?: Context): Promise<Result> {
    this.ran.push(plan.query)
    if (ctx?.trace) Object.assign(ctx.trace, { billedBytes: 20_971_520, costUsd: 0.00011921 })
    return await super.run(plan)
  }
}

/** The kind of priced sources, and the source that opened last. */
export const pricedKind: SourceKind<DummySettings> & { opened?: PricedSource } = {
  ...dummyKind,
  async open(name, settings, { metrics }) {
    pricedKind.opened = new PricedSource(name, settings, metrics)
    return pricedKind.opened
  },
}
