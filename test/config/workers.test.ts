import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'

const folder = mkdtempSync(join(tmpdir(), 'flightgate-workers-'))
afterAll(() => rmSync(folder, { recursive: true }))

const load = (settings: object, env: NodeJS.ProcessEnv = {}): Config => {
  const file = join(folder, 'config.yaml')
  writeFileSync(file, stringify(settings))
  return loadConfig({ file, env })
}
const duckDb = (settings: object) => ({ workers: 2, sources: { demo: { kind: 'duckdb', ...settings } } })

describe('workers', () => {
  it.each([
    [{ writes: true }, /sources\.demo\.writes: each worker has its own database in memory/],
    [{ path: join(folder, 'new.duckdb'), writes: true }, /sources\.demo\.writes: opens the file .* for writing/],
    [
      { path: join(folder, 'new.duckdb'), sample: { tpch: 0.1 } },
      /sources\.demo\.sample: opens the file .* for writing/,
    ],
    [{ path: join(folder, 'new.duckdb'), init: ['SELECT 1'] }, /sources\.demo\.init: opens the file .* for writing/],
  ])('a DuckDB that only one process can have is refused with what to do: %o', (settings, problem) => {
    expect(() => load(duckDb(settings))).toThrow(problem)
    expect(() => load(duckDb(settings))).toThrow(/set workers: 1, or put the data behind a Flight SQL server/)
    expect(() => load({ ...duckDb(settings), workers: 1 })).not.toThrow()
  })

  it('a DuckDB in memory that nobody changes is allowed', () => {
    expect(load(duckDb({ sample: { tpch: 0.1 }, init: ['SELECT 1'] })).workers).toBe(2)
  })

  it('defaults that come from the memory of the machine are divided; what is set stays', () => {
    const limitsOf = (workers: number, limits: object = {}) => load({ workers, limits }).limits
    const alone = limitsOf(1)
    expect(limitsOf(4).maxInFlightBytes).toBe(Math.floor(alone.maxInFlightBytes / 4))
    expect(limitsOf(4).maxRequestMemoryBytes).toBeLessThanOrEqual(alone.maxRequestMemoryBytes)
    const set = { maxInFlightBytes: 5 << 20, maxRequestMemoryBytes: 99 << 20 }
    expect(limitsOf(4, set)).toMatchObject(set)
    const large = { maxInboundMessageBytes: 60 << 20, maxRequestMemoryBytes: undefined }
    expect(limitsOf(128, large).maxRequestMemoryBytes).toBeGreaterThanOrEqual(60 << 20)
  })

  it('FLIGHTGATE_WORKERS overrides the file; a faulty one is refused', () => {
    expect(load({ workers: 2 }, { FLIGHTGATE_WORKERS: '3' }).workers).toBe(3)
    for (const value of ['0', '129', 'two'])
      expect(() => load({}, { FLIGHTGATE_WORKERS: value })).toThrow(/FLIGHTGATE_WORKERS: must be a number of processes/)
  })

  it('warns of more workers than cores, and of caches that take much of the memory together', () => {
    const cores = availableParallelism()
    const { warnings } = load({ workers: cores + 1, cache: { maxBytes: 2 ** 35 } })
    expect(warnings).toContainEqual(expect.stringMatching(/^workers: /))
    expect(warnings).toContainEqual(expect.stringMatching(/^cache\.maxBytes: each worker has a cache of its own/))
    expect(load({ workers: 1, cache: { maxBytes: 2 ** 35 } }).warnings.join()).not.toMatch(/workers|cache/)
  })
})
