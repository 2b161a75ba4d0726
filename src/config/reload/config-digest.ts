import { createHash } from 'node:crypto'
import type { SourceKinds } from '../../sources/kind.ts'
import type { Config } from '../config.ts'
import { redactConfig } from '../redact.ts'

const DIGITS = 12

/**
 * A digest of all settings without their secrets: gateways with the same one run the same settings. What tells replicas apart does not
 * count: where each listens and is reached, and the attributes of its traces, such as the name of its pod.
 */
export function configDigest(config: Config, kinds: SourceKinds): string {
  const { listen: _, replica, tracing, ...rest } = redactConfig(config, kinds) as Config
  const { address: _address, listen: _listen, ...others } = replica ?? {}
  const { resourceAttributes: _attributes, ...exports } = tracing ?? {}
  return createHash('sha256')
    .update(JSON.stringify({ ...rest, ...(replica && { replica: others }), ...(tracing && { tracing: exports }) }))
    .digest('hex')
    .slice(0, DIGITS)
}
