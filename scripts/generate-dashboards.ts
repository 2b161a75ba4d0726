// Writes the dashboards of deploy/grafana; with --check it only reports whether they are current.
import { readFileSync, writeFileSync } from 'node:fs'
import { cache } from './dashboards/cache.ts'
import { clients } from './dashboards/clients.ts'
import { cost } from './dashboards/cost.ts'
import { grafanaJson } from './dashboards/dashboard.ts'
import { overview } from './dashboards/overview.ts'
import { sources } from './dashboards/sources.ts'

const folder = new URL('../deploy/grafana/', import.meta.url)

/** The expected content of each file of deploy/grafana. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  const all = { overview, sources, cost, cache, clients }
  return new Map(
    Object.entries(all).map(([name, each]) => [`${name}.json`, `${JSON.stringify(grafanaJson(each), null, 2)}\n`]),
  )
}

if (import.meta.main)
  for (const [name, content] of dashboardFiles()) {
    const file = new URL(name, folder)
    if (!process.argv.includes('--check')) writeFileSync(file, content)
    else if (readFileSync(file, 'utf8') !== content) {
      process.stderr.write(`deploy/grafana/${name} is not current: run scripts/generate-dashboards.ts\n`)
      process.exitCode = 1
    }
  }
