import { describe, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { memoryBudget, memoryFacts } from '../../src/gateway/duckdb-memory.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30
const config = (sources: object, limits: object = {}) =>
  configSchema.parse({ sources, limits: { maxInFlightBytes: 192 * MIB, maxRequestMemoryBytes: 256 * MIB, ...limits } })
const facts = (availableBytes: number) => ({ availableBytes, baseBytes: 120 * MIB, heapLimitBytes: 4 * GIB })
const stores = 288 * MIB
const one = { demo: { kind: 'duckdb' } }

describe('the memory limit of DuckDB', () => {
  it('is the available memory minus the upper bound of the process', () => {
    const { processBytes, duckDbBytes } = memoryBudget(config(one), stores, facts(8 * GIB))
    const requests = (256 + 32) * MIB
    const heap = 1024 * MIB
    const threads = (16 + 6) * 18 * MIB
    const batches = 16 * 4 * 2 * MIB
    expect(processBytes).toBe(
      120 * MIB + stores + 192 * MIB + 64 * MIB + 256 * MIB + requests + 256 * MIB + heap + threads + batches,
    )
    expect(duckDbBytes.get('demo')).toBe(8 * GIB - processBytes)
  })

  it('shrinks when a limit of the process grows', () => {
    const before = memoryBudget(config(one), stores, facts(8 * GIB)).duckDbBytes.get('demo')!
    for (const limits of [{ maxInFlightBytes: 1216 * MIB }, { repeatableStoreBytes: 1088 * MIB }])
      expect(memoryBudget(config(one, limits), stores, facts(8 * GIB)).duckDbBytes.get('demo')).toBe(before - GIB)
    const upstream = { up: { kind: 'flightsql', uri: 'grpc://127.0.0.1:1' } }
    const besides = memoryBudget(config({ ...one, ...upstream }), stores, facts(8 * GIB)).duckDbBytes.get('demo')!
    expect(before - besides).toBe(16 * 12 * MIB)
  })

  it('is at least a third and at most 80 % of the available memory', () => {
    expect(memoryBudget(config(one), stores, facts(768 * MIB)).duckDbBytes.get('demo')).toBe(256 * MIB)
    const large = memoryBudget(config(one), stores, facts(1024 * GIB)).duckDbBytes.get('demo')
    expect(large).toBe(Math.floor(1024 * GIB * 0.8))
  })

  it('is divided between sources, after those with a configured limit', () => {
    const sources = { a: one.demo, b: one.demo, c: { kind: 'duckdb', memoryLimitBytes: GIB } }
    const { processBytes, duckDbBytes } = memoryBudget(config(sources), stores, facts(16 * GIB))
    const each = Math.floor((16 * GIB - processBytes - GIB) / 2)
    expect([...duckDbBytes].sort()).toEqual([
      ['a', each],
      ['b', each],
      ['c', GIB],
    ])
    const small = memoryBudget(config({ a: one.demo, b: one.demo }), stores, facts(256 * MIB)).duckDbBytes
    expect([...small.values()]).toEqual([64 * MIB, 64 * MIB])
  })

  it('is based on plausible facts of this machine', () => {
    const { availableBytes, baseBytes, heapLimitBytes } = memoryFacts()
    expect(availableBytes).toBeGreaterThan(baseBytes)
    expect(heapLimitBytes).toBeGreaterThan(0)
  })
})
