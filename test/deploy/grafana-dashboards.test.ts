import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { dashboardFiles } from '../../scripts/generate-dashboards.ts'
import { anchorsOf } from '../repository/anchors.ts'
import { seriesIn, unknownIn } from './promql-series.ts'
import { hasPromtool, promtool } from './promtool.ts'

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url))

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string }[]
  readonly links?: readonly { readonly url: string }[]
}

interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] }
  readonly annotations: { readonly list: readonly { readonly expr: string }[] }
}

const files = readdirSync(join(deploy, 'grafana')).filter((file) => file.endsWith('.json'))
const dashboards = files.map((file) => JSON.parse(readFileSync(join(deploy, 'grafana', file), 'utf8')) as Dashboard)
const rules = parse(readFileSync(join(deploy, 'prometheus', 'rules.yaml'), 'utf8')).groups.flatMap(
  (group: { rules: { record?: string }[] }) => group.rules,
) as { record?: string }[]

/** An expression as Grafana sends it, with values in place of its variables. */
const filled = (expr: string) => expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$\w+/g, '.*')
const exprsOf = ({ panels, annotations, templating }: Dashboard) => [
  ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...annotations.list.map(({ expr }) => expr),
  ...templating.list.flatMap(({ query }) => {
    const text = typeof query === 'object' ? (query as { query: string }).query : ''
    return /^label_values\((.*), \w+\)$/.exec(text)?.[1] ?? []
  }),
]
const exprs = dashboards.flatMap(exprsOf).map(filled)

it('the dashboards are what their script makes', () => {
  const expected = dashboardFiles()
  expect(files.sort()).toEqual([...expected.keys()].sort())
  for (const file of files) expect(readFileSync(join(deploy, 'grafana', file), 'utf8')).toBe(expected.get(file))
})

it('each metric and label that a dashboard names exists', async () => {
  expect(exprs.length).toBeGreaterThan(100)
  expect(exprs.filter((expr) => seriesIn(expr).length === 0)).toEqual([])
  expect(
    await unknownIn(
      exprs,
      rules.flatMap(({ record }) => record ?? []),
    ),
  ).toEqual([])
})

it.skipIf(!hasPromtool())('Prometheus parses each expression', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-dashboards-'))
  try {
    const file = join(folder, 'expressions.yaml')
    const all = [...new Set(exprs)].map((expr, i) => ({ record: `dashboard:expression:${i}`, expr }))
    writeFileSync(file, stringify({ groups: [{ name: 'expressions', rules: all }] }))
    expect(promtool('check', 'rules', file)).toContain(`${all.length} rules found`)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it('uids, titles and ids are unique, and panels have a description and do not overlap', () => {
  expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length)
  expect(new Set(dashboards.map(({ title }) => title)).size).toBe(dashboards.length)
  for (const { panels, title } of dashboards) {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const taken = new Set<string>()
    for (const { gridPos, type, description, ...panel } of panels) {
      expect([title, panel.title, type === 'row' || (description?.length ?? 0) > 5]).toEqual([title, panel.title, true])
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([title, panel.title, taken.has(`${x},${y}`)]).toEqual([title, panel.title, false])
          taken.add(`${x},${y}`)
        }
    }
  }
})

it('each variable that an expression uses is defined, and links lead to sections of the runbook', () => {
  const anchors = anchorsOf('docs/runbook.md')
  for (const dashboard of dashboards) {
    const names = new Set([...dashboard.templating.list.map(({ name }) => name), '__rate_interval'])
    const used = exprsOf(dashboard).flatMap((expr) => [...expr.matchAll(/\$(\w+)/g)].map(([, name]) => name!))
    expect(used.filter((name) => !names.has(name))).toEqual([])
    const links = dashboard.panels.flatMap(({ links = [] }) => links.map(({ url }) => url))
    expect(links.length).toBeGreaterThan(0)
    expect(links.filter((url) => !anchors.has(/^\$runbook#(.*)$/.exec(url)?.[1] ?? ''))).toEqual([])
  }
})
