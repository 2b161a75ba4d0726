import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runFlightgate } from '../cli/run-flightgate.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { hasPython, python } from '../e2e/python.ts'

const run = promisify(execFile)
const tools = fileURLToPath(new URL('../../.cache/bin', import.meta.url))
const page = readFileSync(fileURLToPath(new URL('../../docs/estimates.md', import.meta.url)), 'utf8')
const blocksOf = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text]) => text!)

describe('the examples of docs/estimates.md', () => {
  let gateway: GatewayProcess
  beforeAll(async () => {
    gateway = await GatewayProcess.start({ sources: { demo: { kind: 'duckdb', sample: { tpch: 0.1 } } } })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
  })

  const [answer] = blocksOf('json')
  const { estimate } = JSON.parse(answer!)
  const here = (text: string) =>
    text.replaceAll('127.0.0.1:8080', gateway.http).replaceAll('127.0.0.1:32010', gateway.flight)

  it.runIf(hasPython())('the Python program prints what the page says', async () => {
    const [program, ...others] = blocksOf('python')
    expect(others).toEqual([])
    expect(JSON.parse((await run(python, ['-c', here(program!)])).stdout)).toEqual({ estimate })
  })

  it('curl gets the same', async () => {
    const [command] = blocksOf('sh')
    const { columns, ...said } = JSON.parse((await run('sh', ['-e', '-c', here(command!)])).stdout)
    expect(said).toEqual({
      ...estimate,
      billable_bytes: null,
      cost_usd: null,
      slot_ms: null,
      price: null,
      external_costs: [],
      statement_type: null,
      advice: [],
      refusal: null,
    })
    expect(columns).toHaveLength(16)
  })
  it('the command line prints what the page says', async () => {
    const [, , command] = blocksOf('sh')
    const [, statement] = /^flightgate estimate "(.*)"\n$/.exec(command!)!
    const { code, stdout } = await runFlightgate(['estimate', '-e', gateway.uri, statement!], { cwd: '.' })
    expect([code, stdout]).toEqual([0, blocksOf('text')[0]])
  })

  it.runIf(existsSync(`${tools}/grpcurl`))('grpcurl gets the same', async () => {
    const [, command] = blocksOf('sh')
    const env = { ...process.env, PATH: `${tools}:${process.env['PATH']}` }
    const { schema, ...said } = JSON.parse((await run('sh', ['-e', '-c', here(command!)], { env })).stdout).estimate
    const { referenced_tables: referencedTables, suggestions, bytes, rows } = estimate
    expect(said).toEqual({
      dataSource: 'demo',
      accuracy: 'ESTIMATE_ACCURACY_ESTIMATED',
      bytes: String(bytes),
      rows: String(rows),
      referencedTables,
      suggestions,
    })
    expect(tableFromIPC(Buffer.from(schema, 'base64')).schema.fields).toHaveLength(16)
  })
})
