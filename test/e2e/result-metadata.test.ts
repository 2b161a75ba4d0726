import { describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

type Facts = Readonly<Record<string, string>>

interface Answer {
  readonly info: readonly Facts[]
  readonly stream: readonly Facts[]
  readonly prepared: readonly Facts[]
  /** DuckDB's own names of the types. */
  readonly types: readonly string[]
}

const common = { IS_SEARCHABLE: '1', IS_READ_ONLY: '1' }

describe.skipIf(!hasPython())('Flight SQL column metadata of results', () => {
  it('gives the DuckDB type of every column', async () => {
    const gateway = await GatewayProcess.start({ sources: { demo: { kind: 'duckdb', losslessTypes: true } } })
    const [every, quoted] = await runPython<Answer[]>(
      'result_metadata.py',
      gateway.uri,
      'SELECT * FROM test_all_types()',
      `SELECT '{}'::JSON AS j, struct_pack("A b" := 1, c := [2::HUGEINT]) AS s, MAP {'k': true} AS m`,
    )
    for (const { info, stream, prepared, types } of [every!, quoted!]) {
      expect(stream).toEqual(info)
      expect(prepared).toEqual(info)
      // DuckDB also quotes keywords, and lists the values of an ENUM.
      const plain = (type: string | undefined) => type?.replaceAll('"name"', 'name').replace(/^ENUM\(.*/, 'ENUM')
      expect(info.map(({ TYPE_NAME }) => TYPE_NAME)).toEqual(types.map(plain))
    }
    expect(await gateway.stop()).toBe(0)
  })

  it('gives precision, scale and capabilities', async () => {
    const query = "SELECT 1::DECIMAL(9,2) AS d, 2::UBIGINT AS i, 3::HUGEINT AS h, 'x' AS s, [1.5::DOUBLE] AS l"
    const read = await GatewayProcess.start()
    const [answer] = await runPython<Answer[]>('result_metadata.py', read.uri, query)
    expect(answer!.info).toEqual([
      { ...common, name: 'd', TYPE_NAME: 'DECIMAL(9,2)', PRECISION: '9', SCALE: '2' },
      { ...common, name: 'i', TYPE_NAME: 'UBIGINT', PRECISION: '20' },
      { ...common, name: 'h', TYPE_NAME: 'HUGEINT', PRECISION: '38', SCALE: '0' },
      { ...common, name: 's', TYPE_NAME: 'VARCHAR', IS_CASE_SENSITIVE: '1' },
      { ...common, name: 'l', TYPE_NAME: 'DOUBLE[]' },
    ])
    await read.stop()
    const write = await GatewayProcess.start({ sources: { demo: { kind: 'duckdb', writes: true } } })
    const [writable] = await runPython<Answer[]>('result_metadata.py', write.uri, query)
    expect(writable!.info.every((facts) => !('IS_READ_ONLY' in facts))).toBe(true)
    await write.stop()
  })
})
