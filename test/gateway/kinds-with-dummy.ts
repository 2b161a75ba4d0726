import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { sourceKinds } from '../../src/sources/kinds.ts'
import { dummyKind } from './dummy-source/kind.ts'

/** The real source kinds and the dummy, registered by this line. */
export const kindsWithDummy = { ...sourceKinds, dummy: dummyKind }

/** The configuration that the gateway would read from these settings, on free ports. */
export function configOf(settings: object): Config {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-gateway-'))
  const file = join(folder, 'config.yaml')
  const listen = { flight: '127.0.0.1:0', http: '127.0.0.1:0' }
  writeFileSync(file, stringify({ listen, health: { intervalMs: 0 }, ...settings }))
  try {
    return loadConfig({ file, env: {}, kinds: kindsWithDummy })
  } finally {
    rmSync(folder, { recursive: true })
  }
}
