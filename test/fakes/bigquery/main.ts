import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { startBigQueryFake } from './fake.ts'
import { largeTable } from './large-table.ts'
import type { TableDeclaration } from './table.ts'
import { tpchTables } from './tpch-tables.ts'

// node test/fakes/bigquery/main.ts [--tables FILE] [--port N] [--storage-port N] [--arrow] [--large-rows N]
// A stand-in as a process of its own; it prints its endpoints as one line of JSON and ends with SIGTERM or SIGINT.
const { values } = parseArgs({
  options: {
    tables: { type: 'string' },
    port: { type: 'string' },
    'storage-port': { type: 'string' },
    arrow: { type: 'boolean' },
    'large-rows': { type: 'string' },
  },
})

const declared = values.tables
  ? (JSON.parse(readFileSync(values.tables, 'utf8')) as TableDeclaration[])
  : [...tpchTables(), largeTable(Number(values['large-rows'] ?? 100_000_000))]
const fake = await startBigQueryFake({
  tables: declared,
  ...(values.port && { port: Number(values.port) }),
  ...(values['storage-port'] && { storagePort: Number(values['storage-port']) }),
  ...(values.arrow && { arrow: true }),
})
process.stdout.write(`${JSON.stringify({ endpoint: fake.endpoint, storageEndpoint: fake.storageEndpoint })}\n`)
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => void fake.close().then(() => process.exit(0)))
