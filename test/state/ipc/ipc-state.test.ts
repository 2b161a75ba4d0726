import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { StateReply } from '../../../src/state/ipc/state-messages.ts'
import { WorkerState } from '../../../src/state/ipc/worker-state.ts'
import { openState } from '../../../src/state/open.ts'
import type { StateUse } from '../../../src/state/state-uses.ts'
import { describeState } from '../state-contract.ts'

/** Longer than a busy machine lets a call wait. */
const PATIENCE_MS = 30_000
vi.mock('../../../src/state/state-uses.ts', async (original) => {
  const { limitsOf, ...rest } = await original<typeof import('../../../src/state/state-uses.ts')>()
  const limits = { callTimeoutMs: 30_000, retryAfterMs: 1000 }
  // The limits of quotas are those of the gateway.
  return { ...rest, limitsOf: (use: StateUse) => (use === 'quotas' ? limitsOf(use) : { small: limits, bulk: limits }) }
})

const log = { debug() {}, info() {}, warn() {}, error() {} }
const hostProcess = fileURLToPath(new URL('state-host-process.ts', import.meta.url))

/** The process that holds the state, with two workers on one IPC channel. */
function startHost(): { readonly host: ChildProcess; readonly workers: readonly WorkerState[] } {
  const host = fork(hostProcess, { serialization: 'advanced', execArgv: [] })
  const workers = [0, 1].map(
    (lane) => new WorkerState((request) => host.send({ lane, request }, () => {}), PATIENCE_MS),
  )
  host.on('message', ({ lane, reply }: { lane: number; reply: StateReply }) => workers[lane]!.receive(reply))
  host.on('disconnect', () => {
    for (const worker of workers) worker.disconnected()
  })
  return { host, workers }
}

const first = startHost()
afterAll(() => first.host.kill('SIGKILL'))

const bounds = { maxStoreBytes: 1, maxBlobBytes: 1 }
const openIn = async (worker: WorkerState) => await openState({ workers: worker.ports, bounds }, log)

describeState('of workers over IPC', async () => ({
  one: await openIn(first.workers[0]!),
  other: await openIn(first.workers[1]!),
}))

describe('the state of workers', () => {
  let host: ChildProcess
  let workers: readonly WorkerState[]
  beforeAll(() => {
    ;({ host, workers } = startHost())
  })
  afterAll(() => host.kill('SIGKILL'))

  it('a blob of 64 MiB and an empty one arrive whole, while small calls go on', async () => {
    const [one, other] = await Promise.all(workers.map(openIn))
    const value = new Uint8Array(64 << 20)
    for (let i = 0; i < value.length; i += 4099) value[i] = i % 251
    const setting = one!.blobs.set('large', value, 60_000, 'me')
    const during = await Promise.all(Array.from({ length: 50 }, () => other!.store.increment('n', 1, 60_000)))
    expect(Math.max(...during)).toBe(50)
    await setting
    const read = await other!.blobs.get('large')
    expect(Buffer.compare(read!, value)).toBe(0)
    await one!.blobs.set('empty', new Uint8Array(), 60_000, 'me')
    expect(await other!.blobs.get('empty')).toHaveLength(0)
  })

  it('a blob that is replaced while it is read: the reader gets the old or the new value, never a mixture', async () => {
    const [one, other] = await Promise.all(workers.map(openIn))
    const [a, b] = [new Uint8Array(4 << 20).fill(1), new Uint8Array(4 << 20).fill(2)]
    await one!.blobs.set('both', a, 60_000, 'me')
    const writing = (async () => {
      for (let i = 0; i < 10; i++) await one!.blobs.set('both', i % 2 ? a : b, 60_000, 'me')
    })()
    for (let i = 0; i < 5; i++) {
      const read = await other!.blobs.get('both')
      if (read) expect([a, b].filter((each) => Buffer.compare(each, read) === 0)).toHaveLength(1)
    }
    await writing
  })

  it('the process that holds the state hangs, goes on, and dies: STATE_UNAVAILABLE within the time limit', async () => {
    const state = (await openIn(workers[0]!)).of('quotas')
    const unavailable = { code: 'STATE_UNAVAILABLE' }
    const isSet = () =>
      state.store.set('k', new Uint8Array([1]), 60_000).then(
        () => true,
        () => false,
      )
    await expect.poll(isSet).toBe(true)
    host.kill('SIGSTOP')
    await expect(state.store.get('k')).rejects.toMatchObject(unavailable)
    host.kill('SIGCONT')
    await expect.poll(() => state.store.get('k').catch(() => undefined)).toEqual(new Uint8Array([1]))
    host.kill('SIGKILL')
    await new Promise((resolve) => host.once('disconnect', resolve))
    await expect(state.store.get('k')).rejects.toMatchObject(unavailable)
    await expect(state.bus.publish('t', 'm')).rejects.toMatchObject(unavailable)
  })
})
