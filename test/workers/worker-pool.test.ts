import cluster from 'node:cluster'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/config.ts'
import { WorkerPool } from '../../src/workers/worker-pool.ts'
import { waitFor } from '../wait-for.ts'

const folder = mkdtempSync(join(tmpdir(), 'flightgate-pool-'))
const hold = (name: string) => writeFileSync(join(folder, name), '')
const release = (name: string) => rmSync(join(folder, name), { force: true })

/** Settings that the worker of these tests tells as its address. */
const configOf = (mark: string) =>
  ({ mark, workers: 2, limits: { workerStallTimeoutMs: 60_000 }, drain: { graceMs: 0 } }) as unknown as Config

const lines: Record<string, unknown>[] = []
const note = (fields: object, msg: string) => void lines.push({ ...fields, msg })
const log = { debug: note, info: note, warn: note, error: note }
/** Settings that workers had when they became ready again. */
const marks = () => lines.flatMap(({ msg, flight }) => (/serves again/.test(String(msg)) ? [flight] : []))
const ends = () => lines.filter(({ msg }) => /^worker 2 ended/.test(String(msg))).length

let pool: WorkerPool
beforeAll(async () => {
  process.env['POOL_FOLDER'] = folder
  cluster.setupPrimary({ exec: fileURLToPath(new URL('worker-of-pool.mjs', import.meta.url)), execArgv: [] })
  const listener = {
    onRestart() {},
    onGiveUp() {},
    onReload: () => Promise.reject(new Error('no worker asks for a reload')),
  }
  pool = new WorkerPool({ config: configOf('first'), log, listener, metrics: async () => [] })
  await pool.start()
})
afterAll(async () => {
  for (const name of ['hold-start', 'hold-prepare']) release(name)
  await pool?.stop()
  rmSync(folder, { recursive: true })
  delete process.env['POOL_FOLDER']
})

/** Ends worker 2, and waits until the next one has started and waits to become ready. */
async function restartHeld(): Promise<void> {
  hold('hold-start')
  const before = pool.pids[2]!
  process.kill(before, 'SIGKILL')
  await waitFor(() => pool.pids[2] !== undefined && pool.pids[2] !== before, 'another worker')
}

describe('a worker that starts while a reload runs', () => {
  it('and becomes ready before the settings change is ended, and starts again with the new ones', async () => {
    await restartHeld()
    hold('hold-prepare')
    const preparing = pool.prepare(configOf('second'))
    const endsBefore = ends()
    release('hold-start')
    await waitFor(() => pool.readyCount === 2, 'the worker with the former settings')
    expect(marks()).toEqual(['first'])
    const old = pool.pids[2]
    release('hold-prepare')
    ;(await preparing).apply()
    await waitFor(() => marks().length === 2, 'a worker with the new settings')
    expect(marks()).toEqual(['first', 'second'])
    expect([ends() - endsBefore, pool.pids[2] === old]).toEqual([1, false])
  })

  it('and becomes ready after the settings have changed is ended, and starts again with the new ones', async () => {
    const before = marks().length
    const all = lines.length
    await restartHeld()
    // Time to say hello, and to get the settings of now.
    await waitFor(() => lines.length > all, 'the end of the worker')
    await new Promise((resolve) => setTimeout(resolve, 300))
    ;(await pool.prepare(configOf('third'))).apply()
    release('hold-start')
    await waitFor(() => marks().at(-1) === 'third', 'a worker with the new settings')
    expect(['second', 'third']).toEqual(expect.arrayContaining(marks().slice(before)))
    expect(pool.readyCount).toBe(2)
  })

  it('with settings that did not come into force keeps those that it has', async () => {
    const before = marks().length
    const { pids } = pool
    await (await pool.prepare(configOf('abandoned'))).abandon()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect([pool.pids, marks().length]).toEqual([pids, before])
  })
})
