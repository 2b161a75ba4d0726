import { createHash } from 'node:crypto'
import type { SourceKinds } from '../../sources/kind.ts'
import type { Config } from '../config.ts'
import { redactConfig } from '../redact.ts'

const DIGITS = 12

/** A digest of all settings without their secrets: gateways with the same one run the same settings. */
export function configDigest(config: Config, kinds: SourceKinds): string {
  return createHash('sha256')
    .update(JSON.stringify(redactConfig(config, kinds)))
    .digest('hex')
    .slice(0, DIGITS)
}
