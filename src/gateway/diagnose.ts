import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Context } from '../query/types.ts'
import type { Finding } from '../sources/kind.ts'
import { sourceKinds } from '../sources/kinds.ts'

/** A finding with the name of its source, or `redis`. */
export interface SourceFinding extends Finding {
  readonly source: string
}

/** Checks Redis, if it is configured, and each configured source step by step. The gateway does not serve meanwhile. */
export async function* diagnose(config: Config, log: Logger, signal: AbortSignal): AsyncGenerator<SourceFinding> {
  const ctx: Context = {
    principal: { name: 'doctor', roles: ['reader'] },
    signal,
    deadlineAt: Number.POSITIVE_INFINITY,
    requestId: 'doctor',
    log,
  }
  if (config.redis) {
    const { diagnoseRedis } = await import('../state/redis/diagnose-redis.ts')
    for await (const finding of diagnoseRedis(config.redis)) yield { source: 'redis', ...finding }
  }
  for (const [name, source] of Object.entries(config.sources))
    for await (const finding of sourceKinds[source.kind]!.diagnose(name, source, ctx))
      yield { source: name, ...finding }
}
