import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'

const program = fileURLToPath(new URL('../../.cache/bin/h2spec', import.meta.url))

/** The gateway's deviations from the suite, with reasons. */
const otherwise: Readonly<Record<string, string>> = {
  'Sends HEADERS frame that depend on itself': 'RFC 9113 has given priorities up (section 5.3.2)',
  'Sends a HEADERS frame with the "content-length" header field which does not equal the DATA frame payload length':
    'gRPC messages say how long they are; the field is not looked at',
  'Sends a HEADERS frame with the "content-length" header field which does not equal the sum of the multiple DATA frames payload length':
    'as before',
}

function hasSuite(): boolean {
  if (existsSync(program)) return true
  if (process.env['CI'] === 'true') throw new Error('h2spec is missing: run npm test')
  process.stderr.write('skipped: h2spec is missing (npm test builds it where Go is)\n')
  return false
}

it.skipIf(!hasSuite())('the Flight port passes h2spec, except the listed deviations', async () => {
  const gateway = await GatewayProcess.start({})
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-h2spec-'))
  try {
    const report = join(folder, 'report.xml')
    const port = gateway.uri.split(':').at(-1)!
    const suite = spawn(program, ['-h', '127.0.0.1', '-p', port, '-o', '6', '-j', report], { stdio: 'ignore' })
    await new Promise((resolve) => suite.once('exit', resolve))
    const cases = [
      ...readFileSync(report, 'utf8').matchAll(/<testcase [^>]*classname="([^"]*)"[^>]*?(\/>|>[\s\S]*?<\/testcase>)/g),
    ]
    const plain = (text: string) => text.replaceAll('&#34;', '"').replaceAll('&quot;', '"').replaceAll('&amp;', '&')
    const failed = cases
      .filter(([text]) => text.includes('<failure') || text.includes('<error'))
      .map((found) => plain(found[1]!))
    expect(cases.length).toBeGreaterThan(140)
    expect(failed.sort()).toEqual(Object.keys(otherwise).sort())
  } finally {
    rmSync(folder, { recursive: true, force: true })
    await gateway.stop()
  }
})
