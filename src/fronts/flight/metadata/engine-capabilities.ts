import type { Capabilities } from '../../../query/capabilities.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Source } from '../../../query/source.ts'
import { mayWrite } from '../../../query/stages/authorize.ts'
import type { Context } from '../../../query/types.ts'

/** Capabilities of a source's engine for the calling principal. */
export interface EngineCapabilities extends Capabilities {
  /** Whether the principal may not change data. */
  readonly readOnly: boolean
}

/** Returns the capabilities of a source. If the engine does not answer, returns the minimum. */
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
    ctx.log.warn(fields, 'the source does not report its capabilities')
    return { readOnly, transactions: false, savepoints: false, ingestion: false, sql: new Map() }
  }
}
