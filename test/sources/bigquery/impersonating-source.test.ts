import { describe, expect, it } from 'vitest'
import type { Context, PlannedSql, Query } from '../../../src/query/types.ts'
import { type IdentitySettings, ImpersonatingSource } from '../../../src/sources/bigquery/impersonating-source.ts'
import { bigQueryProblems } from '../../../src/sources/bigquery/problems.ts'
import { bigQuerySettings } from '../../../src/sources/bigquery/settings.ts'
import { startBigQueryFake } from '../../fakes/bigquery/fake.ts'
import { contextFor, openSource } from './open-source.ts'

const identity: IdentitySettings = {
  mode: 'impersonate',
  principals: { ann: 'ann@p.iam.gserviceaccount.com' },
  groups: { team: 'team@p.iam.gserviceaccount.com', crew: 'crew@p.iam.gserviceaccount.com' },
  others: 'refuse',
}
const caller = (name: string, groups: readonly string[] = []): Context =>
  contextFor({ principal: { name, roles: ['reader'], groups } })
const query: Query = { source: 'warehouse', sql: 'SELECT 1 AS a', session: {}, purpose: 'any' }

/** The source in front of a stand-in, whose logins tell which of them was used, and which are closed. */
async function setUp(settings: Partial<IdentitySettings> = {}) {
  const fake = await startBigQueryFake()
  const used: string[] = []
  const closed: string[] = []
  const opened: string[] = []
  const loginOf = (account: string) => {
    const { source } = openSource(fake)
    const { catalog } = source
    const plan = source.plan.bind(source)
    const run = source.run.bind(source)
    const close = source.close.bind(source)
    const schemas = catalog.schemas.bind(catalog)
    source.plan = (...args) => {
      used.push(account)
      return plan(...args)
    }
    source.run = (...args) => {
      used.push(account)
      return run(...args)
    }
    source.close = () => {
      closed.push(account)
      return close()
    }
    catalog.schemas = (...args) => {
      used.push(account)
      return schemas(...args)
    }
    return source
  }
  const source = new ImpersonatingSource(loginOf('own'), { ...identity, ...settings }, (account) => {
    opened.push(account)
    return loginOf(account.split('@')[0]!)
  })
  return { source, used, closed, opened, fake }
}

describe('BigQuery with the identity of the caller', () => {
  it('plans, runs and lists with the account of the caller, or of its first group in the settings', async () => {
    const { source, used, closed, opened, fake } = await setUp()
    for (const [ctx, account] of [
      [caller('ann', ['team']), 'ann'],
      [caller('bob', ['crew', 'team']), 'team'],
      [caller('eve', ['crew']), 'crew'],
    ] as const) {
      const plan = await source.plan(query, ctx)
      await (await source.run(plan as PlannedSql, ctx)).frames[Symbol.asyncIterator]().return?.()
      await source.catalog.schemas(undefined, ctx)
      expect(used.splice(0)).toEqual([account, account, account])
    }
    await source.plan(query, caller('ann'))
    expect(opened.map((account) => account.split('@')[0])).toEqual(['ann', 'team', 'crew'])
    await source.close()
    expect(closed.sort()).toEqual(['ann', 'crew', 'own', 'team'])
    await fake.close()
  })

  it('refuses a caller for whom no account stands, or uses its own login if the settings say so', async () => {
    const { source, fake, used } = await setUp()
    const refused = { code: 'FORBIDDEN', message: expect.stringContaining('No service account stands for eve') }
    await expect(source.plan(query, caller('eve'))).rejects.toMatchObject(refused)
    await expect(source.run({ kind: 'read', query }, caller('eve'))).rejects.toMatchObject(refused)
    await expect(source.catalog.schemas(undefined, caller('eve'))).rejects.toMatchObject(refused)
    await expect(source.plan(query, caller('constructor'))).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(used).toEqual([])
    expect(await source.catalog.catalogs(caller('eve'))).toEqual(['test-project'])
    await source.close()
    const open = await setUp({ others: 'own' })
    await open.source.plan(query, caller('eve'))
    expect(open.used).toEqual(['own'])
    await open.source.close()
    await open.fake.close()
    await fake.close()
  })

  it('shares no results between callers, and needs credentials', () => {
    const settings = bigQuerySettings.parse({
      kind: 'bigquery',
      projectId: 'p',
      anonymous: true,
      cache: { scope: 'shared' },
      identity: { mode: 'impersonate', principals: { ann: 'a@p.iam.gserviceaccount.com' } },
    })
    expect(bigQueryProblems('w', settings)).toEqual([
      'sources.w: set identity.mode or anonymous, not both',
      'sources.w.cache.scope: shared: with identity.mode each caller may see other rows: leave it out',
    ])
    expect(bigQueryProblems('w', { ...settings, anonymous: false, cache: undefined, identity: undefined })).toEqual([])
  })
})
