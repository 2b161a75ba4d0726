import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { afterAll, describe, expect, it, vi } from 'vitest'
import type { Config } from '../../../src/config/config.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { applySteps } from '../../../src/gateway/reload/apply-steps.ts'
import { type PreparedReload, Reloads } from '../../../src/gateway/reload/reloads.ts'
import { ReloadMetrics } from '../../../src/ops/metrics/reload-metrics.ts'

const folder = mkdtempSync(join(tmpdir(), 'flightgate-reloads-'))
afterAll(() => rmSync(folder, { recursive: true }))

function configOf(yaml: string, isReload = false): Config {
  const file = join(folder, 'config.yaml')
  writeFileSync(file, yaml)
  return loadConfig({ file, env: {}, isReload })
}

/** Reloads from one configuration to another, with parts that record what becomes of them. */
function reloadsOf(
  before: string,
  after: string,
  prepare?: (prepared: PreparedReload) => Promise<PreparedReload>,
  behind: readonly string[] = [],
) {
  const prepared = { apply: vi.fn(() => behind), abandon: vi.fn(async () => {}) }
  const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn(), debug: vi.fn() }
  const audit = vi.fn()
  const registry = new Registry()
  const reloads = new Reloads({
    config: configOf(before),
    load: () => configOf(after || '{}', true),
    prepare: prepare ? () => prepare(prepared) : async () => prepared,
    metrics: new ReloadMetrics(registry),
    audit,
    log,
  })
  const success = async () =>
    (await registry.getSingleMetric('flightgate_config_reload_success')!.get()).values[0]!.value
  return { reloads, prepared, log, audit, success }
}

const MORE = 'limits: { maxQueued: 7 }'

describe('reloads', () => {
  const key = 'auth: { apiKeys: [{ name: ann, key: a-key-of-ann-a-key-of-ann }] }'

  it('the last way to authenticate does not go by a reload', async () => {
    const { reloads, prepared } = reloadsOf(key, MORE)
    const report = await reloads.reload('SIGHUP')
    expect(report).toMatchObject({ outcome: 'refused', problems: [expect.stringMatching(/^auth: .* Only a restart/)] })
    expect(prepared.apply).not.toHaveBeenCalled()
  })

  it('an empty file is refused, as a truncated one', async () => {
    const { reloads, prepared } = reloadsOf(MORE, ' \n')
    const report = await reloads.reload('SIGHUP')
    expect(report).toMatchObject({ outcome: 'refused', problems: [expect.stringContaining('config.yaml is empty')] })
    expect(prepared.apply).not.toHaveBeenCalled()
  })

  it('once the gateway drains: refused without opening anything, and audited', async () => {
    const { reloads, prepared, audit, log } = reloadsOf('', MORE)
    reloads.end()
    const report = await reloads.reload('SIGHUP')
    expect(report).toMatchObject({ outcome: 'refused', problems: [expect.stringMatching(/^the gateway drains/)] })
    expect(audit).toHaveBeenCalledWith('SIGHUP', report)
    expect(log.error).toHaveBeenCalledOnce()
    expect(prepared.apply).not.toHaveBeenCalled()
  })

  it('if the drain begins while sources open: they are closed, and nothing is applied', async () => {
    const opened = Promise.withResolvers<void>()
    const { reloads, prepared } = reloadsOf('', MORE, async (ready) => {
      await opened.promise
      return ready
    })
    const reload = reloads.reload('SIGHUP')
    await new Promise((resolve) => setImmediate(resolve))
    reloads.end()
    opened.resolve()
    expect(await reload).toMatchObject({ outcome: 'refused' })
    expect(prepared.abandon).toHaveBeenCalledOnce()
    expect(prepared.apply).not.toHaveBeenCalled()
  })

  it('a part that cannot follow: the rest is in force, and the report, the log and the metrics say so', async () => {
    const { reloads, log, success } = reloadsOf('', MORE, undefined, ['callers'])
    const problems = ['callers: could not follow; restart the gateway']
    expect(await reloads.reload('SIGHUP')).toMatchObject({ outcome: 'applied', problems })
    expect(reloads.config.limits.maxQueued).toBe(7)
    expect(log.error).toHaveBeenCalledOnce()
    expect(await success()).toBe(0)
  })

  it('a dry run tells what would change, and changes nothing', async () => {
    const { reloads, prepared, audit } = reloadsOf('', `${MORE}\nhttp: { chunkRows: 5 }`)
    expect(await reloads.reload('ops', true)).toMatchObject({
      outcome: 'applied',
      changed: ['limits.maxQueued'],
      needsRestart: ['http.chunkRows'],
      problems: [],
    })
    expect(reloads.config.limits.maxQueued).toBeUndefined()
    expect(prepared.apply).not.toHaveBeenCalled()
    expect(audit).not.toHaveBeenCalled()
  })

  it('a limit that goes back to its default gives way to a bound that stays until a restart', async () => {
    const before = 'limits: { maxRepeatableResultBytes: 65536, repeatableStoreBytes: 524288 }'
    const { reloads } = reloadsOf(before, '')
    expect(await reloads.reload('SIGHUP')).toMatchObject({
      outcome: 'applied',
      changed: ['limits.maxRepeatableResultBytes'],
      needsRestart: ['limits.repeatableStoreBytes'],
    })
    const set = reloadsOf(before, 'limits: { maxRepeatableResultBytes: 3145728, repeatableStoreBytes: 67108864 }')
    expect((await set.reloads.reload('SIGHUP')).problems).toEqual([
      expect.stringMatching(
        /^limits.maxRepeatableResultBytes: 3145728 is above limits.repeatableStoreBytes \(524288\)/,
      ),
    ])
  })
})

it('parts after one that fails follow a reload all the same', () => {
  const error = vi.fn()
  const followed: string[] = []
  const steps = {
    slots: () => void followed.push('slots'),
    callers: () => {
      throw new Error('no')
    },
    cache: () => void followed.push('cache'),
  }
  expect(applySteps(steps, { error })).toEqual(['callers'])
  expect(followed).toEqual(['slots', 'cache'])
  expect(error).toHaveBeenCalledOnce()
})
