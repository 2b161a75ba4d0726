import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Context } from '../query/types.ts'
import type { Finding } from '../sources/kind.ts'
import { sourceKinds } from '../sources/kinds.ts'

/** A finding with the name of its source. */
export interface SourceFinding extends Finding {
  readonly source: string
}

/** Checks each configured source step by step. The gateway does not serve meanwhile. */
export async function* diagnose(config: Config, log: Logger, signal: AbortSignal): AsyncGenerator<SourceFinding> {
  const ctx: Context = {
    principal: { name: 'doctor', roles: ['reader'] },
    signal,
    deadlineAt: Number.POSITIVE_INFINITY,
    requestId: 'doctor',
    log,
  }
  for (const [name, source] of Object.entries(config.sources))
    for await (const finding of sourceKinds[source.kind]!.diagnose(name, source, ctx))
      yield { source: name, ...finding }
}
