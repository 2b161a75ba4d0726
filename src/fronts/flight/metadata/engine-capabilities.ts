import type { Capabilities } from '../../../query/capabilities.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Source } from '../../../query/source.ts'
import { mayWrite } from '../../../query/stages/authorize.ts'
import type { Context } from '../../../query/types.ts'

/** What the engine behind a source can do for the principal who asks. */
export interface EngineCapabilities extends Capabilities {
  /** Whether the principal can change nothing. */
  readonly readOnly: boolean
}

/** Facts of a source; those of an engine that does not answer are the fewest. */
export async function engineCapabilities(source: Source, ctx: Context): Promise<EngineCapabilities> {
  const readOnly = !mayWrite(source, ctx.principal)
  if (!source.capabilities)
    return {
      readOnly,
      transactions: source.transactions !== undefined,
      savepoints: source.transactions?.savepoints !== undefined,
      ingestion: source.ingest !== undefined,
      sql: new Map(),
    }
  try {
    return { readOnly, ...(await source.capabilities(ctx)) }
  } catch (error) {
    ctx.signal.throwIfAborted()
    const { code } = GatewayError.from(error)
    const fields = { event: 'metadata', requestId: ctx.requestId, source: source.name, code }
    ctx.log.warn(fields, 'the source does not tell what it can do')
    return { readOnly, transactions: false, savepoints: false, ingestion: false, sql: new Map() }
  }
}
