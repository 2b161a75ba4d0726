import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { hasPython, python } from '../e2e/python.ts'
import { type BigQueryFake, startBigQueryFake } from '../fakes/bigquery/fake.ts'
import type { TableDeclaration } from '../fakes/bigquery/table.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const tools = join(root, '.cache', 'bin')
const page = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, text]) => ({ language, text: text! }))

/** A fenced block of README.md, and what it must print. */
interface Example {
  readonly language: string
  /** Words that only this block has. */
  readonly has: string
  readonly prints: readonly RegExp[]
}

const examples: readonly Example[] = [
  { language: 'python', has: 'pyarrow.flight', prints: [/l_orderkey/, /l_comment/] },
  { language: 'sh', has: 'GatewayService/EstimateCost', prints: [/"dataSource": "tpch"/, /"bytes": "\d+"/] },
  { language: 'python', has: 'gateway.Execute', prints: [/n_nationkey/, /ALGERIA/] },
  { language: 'go', has: 'gateway.ListSources', prints: [/^tpch duckdb HEALTH_STATE_UNKNOWN$/m] },
  {
    language: 'sh',
    has: 'api/v1/query',
    prints: [/"n_name": ?"ALGERIA"/, /r_regionkey,r_name,/, /^0,AFRICA,/m, /"accuracy": ?"/, /"succeeded": ?2\b/],
  },
  {
    language: 'sh',
    has: 'usa_names',
    prints: [/"data_source": ?"warehouse"/, /"cost_usd": ?0\.001/, /"rule": ?"select_star"/],
  },
]
/** Blocks that other tests run (start.test.ts), and the steps of a new configuration. */
const others = ['npm start\n', 'flightgate -- query "SELECT', 'cat > flightgate.yaml', '--api-key change-me']

/** The public table that the page asks about. */
const names: TableDeclaration = {
  ...{ project: 'bigquery-public-data', dataset: 'usa_names', name: 'usa_1910_2013' },
  schema: [
    { name: 'name', type: 'STRING' },
    { name: 'number', type: 'INTEGER' },
  ],
  rows: () => ({ f: [{ v: 'Mary' }, { v: '7' }] }),
  numRows: 10_000_000,
  columnBytes: { name: 100_000_000, number: 100_000_000 },
}

const isOther = (text: string) => others.some((words) => text.includes(words))

describe('the examples of README.md', () => {
  let bigQuery: BigQueryFake
  let gateway: GatewayProcess
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-readme-'))
  beforeAll(async () => {
    bigQuery = await startBigQueryFake({ tables: [names] })
    const { endpoint, storageEndpoint } = bigQuery
    gateway = await GatewayProcess.start({
      sources: {
        tpch: { kind: 'duckdb', sample: { tpch: 0.01 } },
        warehouse: {
          ...{ kind: 'bigquery', projectId: 'test-project', projects: ['bigquery-public-data'] },
          ...{ endpoint, storageEndpoint, anonymous: true },
        },
      },
      defaultSource: 'tpch',
    })
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true })
    expect(await gateway.stop()).toBe(0)
    await bigQuery.close()
    expect(gateway.noise).toEqual([])
  })

  /** The output of a block as it stands there, with the ports of the gateway. */
  async function outputOf(language: string, text: string): Promise<string> {
    const [flightPort, httpPort] = [gateway.flight, gateway.http].map((address) => address.split(':').at(-1)!)
    const here = text.replaceAll('32010', flightPort!).replaceAll('8080', httpPort!)
    const env = { ...process.env, PATH: [tools, dirname(python), process.env['PATH']].join(delimiter) }
    switch (language) {
      case 'sh':
        return (await run('sh', ['-e', '-c', here], { cwd: root, env })).stdout
      case 'python':
        return (await run(python, ['-c', here], { cwd: root, env })).stdout
      case 'go': {
        // In a copy, since the page says to save it in the folder of the example.
        const module = join(folder, 'go')
        cpSync(join(root, 'examples', 'go'), module, { recursive: true })
        mkdirSync(join(module, 'sources'))
        writeFileSync(join(module, 'sources', 'main.go'), here)
        return (await run('go', ['run', './sources'], { cwd: module, env })).stdout
      }
      default:
        throw new Error(`no test runs ${language}`)
    }
  }

  const hasTool = {
    sh: existsSync(join(tools, 'grpcurl')),
    python: hasPython(),
    go: existsSync(join(tools, 'gateway_example')),
  }
  if (process.env['CI'] === 'true') it('have their tools', () => expect(Object.values(hasTool)).not.toContain(false))

  it('are all known to a test', () => {
    const known = examples.map(({ language, has }) =>
      blocks.filter((each) => each.language === language && each.text.includes(has)),
    )
    expect(known.map(({ length }) => length)).toEqual(examples.map(() => 1))
    expect(blocks.filter((block) => !known.flat().includes(block) && !isOther(block.text))).toEqual([])
  })

  // A Go build from scratch takes minutes.
  it.each(examples)(
    '$language with $has runs as it stands',
    { timeout: 300_000 },
    async ({ language, has, prints }) => {
      if (!hasTool[language as keyof typeof hasTool]) return
      const block = blocks.find((each) => each.language === language && each.text.includes(has))!
      const output = await outputOf(language, block.text)
      for (const words of prints) expect(output).toMatch(words)
    },
  )
})
