// Writes the tables of docs/clients.md from the results of the last complete test run; with --check it only checks that
// the page matches them.
import { readFileSync, writeFileSync } from 'node:fs'
import { clients, matrix } from './client-matrix.ts'

const page = new URL('../docs/clients.md', import.meta.url)
const report = new URL('../.cache/vitest.json', import.meta.url)
const notApplicable = new URL('../test/go/validation/not-applicable.json', import.meta.url)
const arrowScenarios = new URL('../test/e2e/arrow-scenarios.json', import.meta.url)
const [FROM, TO] = ['<!-- what works -->', '<!-- end of what works -->']

/** The expected outcome of each of Arrow's integration scenarios. */
const scenarios = Object.entries<{ readonly passes: boolean; readonly why?: string }>(
  JSON.parse(readFileSync(arrowScenarios, 'utf8')),
)

/** The full name of the test of a scenario. */
const scenarioTest = (name: string) => `Arrow’s integration scenarios through the gateway ${name}`

/** The tables built from the results of the tests. */
function tables(outcomes: ReadonlyMap<string, string>): string {
  const cell = (tests: readonly string[] = []) => {
    if (tests.length === 0) return ''
    return tests.every((test) => outcomes.get(test) === 'passed') ? 'yes' : 'no'
  }
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rows = Object.entries(matrix).map(([what, cells]) =>
    line([what, ...clients.map((client) => cell(cells[client]))]),
  )
  const cases = Object.entries<string>(JSON.parse(readFileSync(notApplicable, 'utf8')))
  return [
    line(['', ...clients]),
    `|---|${clients.map(() => '---').join('|')}|`,
    ...rows,
    '',
    "These cases of ADBC's own validation suite in Go (1.12.0) do not apply:",
    '',
    line(['Case', 'Reason']),
    '|---|---|',
    ...cases.map(([name, reason]) => line([`\`${name}\``, reason])),
    '',
    "Arrow's integration scenarios, with the gateway between arrow-go's client and arrow-go's server of the scenario:",
    '',
    line(['Scenario', 'Passes', 'Why not']),
    '|---|---|---|',
    ...scenarios.map(([name, { passes, why = '' }]) => {
      const asExpected = outcomes.get(scenarioTest(name)) === 'passed'
      return line([`\`${name}\``, asExpected === passes ? 'yes' : 'no', asExpected ? why : 'Not as expected.'])
    }),
  ].join('\n')
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
const outcomes = new Map(
  testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(({ fullName, status }) => [fullName, status] as const),
  ),
)
const unknown = [
  ...Object.values(matrix).flatMap((cells) => Object.values(cells).flat()),
  ...scenarios.map(([name]) => scenarioTest(name)),
].filter((test) => !outcomes.has(test))
if (unknown.length > 0) {
  process.stderr.write(`the last run had no such tests: ${[...new Set(unknown)].join('; ')}\n`)
  process.exitCode = 1
} else {
  const text = readFileSync(page, 'utf8')
  const before = text.slice(0, text.indexOf(FROM) + FROM.length)
  const current = `${before}\n\n${tables(outcomes)}\n\n${text.slice(text.indexOf(TO))}`
  if (!process.argv.includes('--check')) writeFileSync(page, current)
  else if (text !== current) {
    process.stderr.write('docs/clients.md does not agree with the tests: run scripts/generate-client-docs.ts\n')
    process.exitCode = 1
  }
}
