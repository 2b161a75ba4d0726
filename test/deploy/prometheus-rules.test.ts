import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { errorTable } from '../../src/query/errors.ts'
import { anchorsOf } from '../repository/anchors.ts'
import { seriesIn, unknownIn } from './promql-series.ts'
import { hasPromtool, promtool } from './promtool.ts'

const folder = fileURLToPath(new URL('../../deploy/prometheus/', import.meta.url))
const read = (file: string) => parse(readFileSync(join(folder, file), 'utf8'))

interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: Readonly<Record<string, string>>
}

const testFiles = ['rules.test.yaml', 'objectives.test.yaml']
const rules: Rule[] = read('rules.yaml').groups.flatMap((group: { rules: Rule[] }) => group.rules)
/** Codes that no failure of a statement has: of drains, which operators begin, and of logins. */
const elsewhere = ['DRAINING', 'SOURCE_DRAINING', 'ISSUER_UNAVAILABLE']
const alerts = rules.filter(({ alert }) => alert !== undefined)
const outcomes = rules.flatMap(({ expr }) =>
  [...expr.matchAll(/statements_total\{[^}]*outcome=~?"([^"]+)"/g)].map(([, pattern]) => pattern!),
)

describe.skipIf(!hasPromtool())('promtool accepts', () => {
  it('the rules', () => {
    expect(promtool('check', 'rules', join(folder, 'rules.yaml'))).toContain('SUCCESS')
  })

  it('the tests of the rules', () => {
    expect(promtool('test', 'rules', ...testFiles.map((file) => join(folder, file)))).toContain('SUCCESS')
  })

  it('the sample configuration', () => {
    expect(promtool('check', 'config', join(folder, 'prometheus.yaml'))).toContain('SUCCESS')
  })
})

describe('the rules', () => {
  it('have a test of each alert in which it fires, and one in which it is silent', () => {
    const tried = testFiles.flatMap((file) =>
      (read(file).tests as { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[]).flatMap(
        ({ alert_rule_test }) => alert_rule_test,
      ),
    )
    const missing = alerts.flatMap(({ alert }) => {
      const own = tried.filter(({ alertname }) => alertname === alert)
      const kinds = [
        own.some(({ exp_alerts }) => exp_alerts.length > 0),
        own.some((test) => test.exp_alerts.length === 0),
      ]
      return kinds.every(Boolean) ? [] : [alert]
    })
    expect(alerts.length).toBeGreaterThan(25)
    expect(missing).toEqual([])
  })

  it('use metrics and labels that the gateway exports', async () => {
    const recorded = rules.flatMap(({ record }) => record ?? [])
    expect(
      await unknownIn(
        rules.map(({ expr }) => expr),
        recorded,
      ),
    ).toEqual([])
    expect(rules.filter(({ expr }) => seriesIn(expr).length === 0)).toEqual([])
  })

  it('have a severity, a summary, a description and a link to a section of the runbook', () => {
    const anchors = anchorsOf('docs/runbook.md')
    for (const { alert, labels, annotations } of alerts) {
      expect([alert, labels.severity]).toEqual([alert, expect.stringMatching(/^(critical|warning|info)$/)])
      expect(Object.keys(annotations)).toEqual(['summary', 'description', 'runbook_url'])
      const [page, anchor] = annotations['runbook_url']!.split('#')
      expect([page, anchors.has(anchor!) ? anchor : 'no such section']).toEqual([
        'docs/runbook.md',
        alert!.toLowerCase(),
      ])
    }
  })

  it('and the runbook has no section about an alert that does not exist', () => {
    const names = alerts.map(({ alert }) => alert!.toLowerCase())
    const sections = [...anchorsOf('docs/runbook.md')].filter((anchor) => /^flightgate[a-z]+$/.test(anchor))
    expect(sections.filter((section) => !names.includes(section))).toEqual([])
  })

  it('name outcomes that exist, and count each failure of the gateway or a source against the objective', () => {
    const codes = Object.keys(errorTable)
    const alternatives = outcomes.flatMap((pattern) =>
      pattern
        .replace(/UPSTREAM_\(([^)]*)\)/, (_, list: string) =>
          list
            .split('|')
            .map((word) => `UPSTREAM_${word}`)
            .join('|'),
        )
        .split('|'),
    )
    expect(alternatives.filter((code) => !codes.includes(code))).toEqual([])
    const counted = new RegExp(`^(${outcomes[0]})$`)
    const faults = Object.entries(errorTable).filter(
      ([code, row]) => ('fault' in row || 'overload' in row || row.grpc === 'UNAVAILABLE') && !elsewhere.includes(code),
    )
    expect(faults.map(([code]) => code).filter((code) => !counted.test(code))).toEqual([])
  })
})
