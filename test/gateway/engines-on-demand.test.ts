import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { GatewayProcess } from '../e2e/gateway-process.ts'

/** Whether the process has mapped a file whose path contains the name. */
function hasMapped({ pid }: GatewayProcess, name: string): boolean {
  return readFileSync(`/proc/${pid}/maps`, 'utf8').includes(name)
}

it.each([
  ['only relays', { up: { kind: 'flightsql', uri: 'grpc://127.0.0.1:1' } }, false],
  ['only relays to Dremio', { lake: { kind: 'dremio', uri: 'grpc://127.0.0.1:1' } }, false],
  ['has a DuckDB source', { demo: { kind: 'duckdb' } }, true],
])('a gateway that %s loads libduckdb and koffi only if it needs them', async (_, sources, isLoaded) => {
  if (process.platform !== 'linux') {
    process.stderr.write('not checked: which libraries a process has loaded is read from /proc, which only Linux has\n')
    return
  }
  const gateway = await GatewayProcess.start({ sources })
  try {
    expect([hasMapped(gateway, 'libduckdb'), hasMapped(gateway, 'koffi')]).toEqual([isLoaded, isLoaded])
  } finally {
    expect(await gateway.stop()).toBe(0)
  }
})
