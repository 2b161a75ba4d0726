import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { hasPython, python } from '../e2e/python.ts'

const run = promisify(execFile)
const page = readFileSync(fileURLToPath(new URL('../../docs/http.md', import.meta.url)), 'utf8')
const blocks = [...page.matchAll(/^```(sh|python)\n(.*?)^```$/gms)].map(([, language, text]) => ({
  language,
  text: text!,
}))

/** Words of each block, and what it must print. */
const prints: readonly (readonly [string, RegExp])[] = [
  ['l_orderkey, l_comment', /"row_count":2,/],
  ['"table"', /^o_orderkey,o_totalprice\r\n\d+,\d+/],
  ['--compressed', /^\{"l_orderkey":1,.*\}\n\{.*\}\n\{.*\}\n$/],
  ['pa.ipc.open_stream', /n_nationkey/],
  ['-o region.csv', /^r_regionkey,r_name/],
  ['"parameters"', /\{"n":\d+\}/],
  ['/stream/sse', /event: rows\n.*\ndata: \[ \{"i":2\}\]\n(?:.|\n)*event: end\n/],
  ['"stop_on_error"', /"succeeded":2,/],
  ['/batch/stream', /"status":"failed"(?:.|\n)*\{"summary":\{.*\}\}\n$/],
  ['/estimate-cost', /"accuracy":"\w+"/],
]

describe('the examples of docs/http.md', () => {
  let gateway: GatewayProcess
  const folder = mkdtempSync(join(tmpdir(), 'http-docs-'))
  beforeAll(async () => {
    gateway = await GatewayProcess.start({ sources: { demo: { kind: 'duckdb', sample: { tpch: 0.1 } } } })
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true })
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })

  it('are all tested', () => {
    expect(blocks.map(({ text }) => prints.filter(([words]) => text.includes(words)).length)).toEqual(
      prints.map(() => 1),
    )
  })

  it.each(prints)('%s', async (words, expected) => {
    const { language, text } = blocks.find((block) => block.text.includes(words))!
    if (language === 'python' && !hasPython()) return
    const here = text.replaceAll('127.0.0.1:8080', gateway.http)
    const [command, ...args] = language === 'sh' ? ['sh', '-e', '-c', here] : [python, '-c', here]
    expect((await run(command!, args, { cwd: folder })).stdout).toMatch(expected)
  })
})
