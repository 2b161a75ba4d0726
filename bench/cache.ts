// What the result cache costs and saves: `latency` of a hit, `memory` of cached results, and `dashboards`, a trace of people who look at
// them. `npm run bench -- cache PART` measures one part and keeps the figures of the others.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dashboards } from './support/cache/dashboards.ts'
import { latency } from './support/cache/latency.ts'
import { memory } from './support/cache/memory.ts'
import { root, writeResults } from './support/server.ts'

const parts = { latency, memory, dashboards }
const asked = process.argv.slice(2)
const names = asked.length > 0 ? asked : Object.keys(parts)

let results: Record<string, object> = {}
if (asked.length > 0) {
  const { machine: _, ...earlier } = JSON.parse(readFileSync(join(root, 'bench/results/cache.json'), 'utf8'))
  results = earlier
}
for (const name of names) {
  const measure = parts[name as keyof typeof parts]
  if (!measure) throw new Error(`there is no part ${name}: ${Object.keys(parts).join(', ')}`)
  Object.assign(results, await measure())
}
writeResults('cache', results)
