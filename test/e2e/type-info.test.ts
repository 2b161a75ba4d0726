import { describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

interface Answers {
  readonly names: readonly string[]
  readonly codes: readonly number[]
  readonly missing: readonly string[]
  readonly unknown: readonly string[]
  readonly literals: Readonly<Record<string, string>>
  readonly numeric: readonly string[]
  readonly facts: Readonly<Record<string, number>>
  readonly tableTypes: readonly string[]
}

describe.skipIf(!hasPython())('GetXdbcTypeInfo and GetSqlInfo of an embedded DuckDB', () => {
  it('list every type of DuckDB and the configured limits', async () => {
    const limits = { preparedTtlMs: 5_000_000, transactionIdleMs: 7000, maxConnections: 123, maxStatementBytes: 2048 }
    const gateway = await GatewayProcess.start({ limits })
    const answers = await runPython<Answers>('type_info.py', gateway.uri)
    expect(answers.missing).toEqual([])
    expect(answers.unknown).toEqual([])
    expect(new Set(answers.names).size).toBe(answers.names.length)
    expect(answers.codes).toEqual(answers.codes.toSorted((a, b) => a - b))
    expect(Object.keys(answers.literals)).toHaveLength(16)
    for (const [type, read] of Object.entries(answers.literals)) expect(read).toBe(type)
    expect(answers.numeric).toEqual(['HUGEINT', 'UHUGEINT', 'BIGNUM'])
    // Schemas and catalogs can be named in the definition of an index; there are no procedures and no privileges.
    expect(answers.facts).toEqual({ 100: 5_000_000, 101: 7000, 533: 2, 534: 2, 549: 123, 557: 2048 })
    expect(answers.tableTypes).toEqual(['BASE TABLE', 'VIEW'])
    expect(await gateway.stop()).toBe(0)
  })
})
