import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { hasPython, python } from '../e2e/python.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(join(root, 'docs', 'quickstart.md'), 'utf8')
const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, text]) => ({ language, text: text! }))
/** Their clients take minutes to build, or are driven by tests of their own: adbc-go.test.ts, jdbc.test.ts. */
const notRunHere = ['go', 'java', 'rust', 'toml']
const programs = blocks.filter(({ language }) => !notRunHere.includes(language!))

describe.skipIf(!hasPython())('the quick starts of docs/quickstart.md', () => {
  let gateway: GatewayProcess
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-quickstart-'))
  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'me', key: 'the-api-key' }] },
      sources: { tpch: { kind: 'duckdb', sample: { tpch: 0.01 } } },
    })
    // Node.js resolves packages from the folder of a module.
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true })
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })

  it('has a program for Python, JavaScript and the shell', () => {
    expect(programs.map(({ language }) => language)).toEqual(['python', 'python', 'python', 'js', 'sh'])
  })

  it.each(programs)('$language: $text', { timeout: 60_000 }, async ({ language, text }) => {
    const [flightPort, httpPort] = [gateway.flight, gateway.http].map((address) => address.split(':').at(-1)!)
    const here = text.replaceAll('32010', flightPort!).replaceAll('8080', httpPort!)
    const file = join(folder, 'program.mjs')
    writeFileSync(file, here)
    const [command, args] =
      language === 'python'
        ? [python, ['-c', here]]
        : language === 'js'
          ? [process.execPath, [file]]
          : ['sh', ['-e', '-c', here]]
    const { stdout } = await run(command, args, { cwd: root })
    for (const name of ['ALGERIA', 'ARGENTINA', 'BRAZIL']) expect(stdout).toContain(name)
  })
})
