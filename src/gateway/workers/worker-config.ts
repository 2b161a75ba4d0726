import { randomBytes } from 'node:crypto'
import type { Config } from '../../config/config.ts'
import { sourceKinds } from '../../sources/kinds.ts'

/** Whether the workers need a ledger of their own: a source bills, and no setting says where the ledger is. */
export function needsSharedLedger({ redis, sources, state }: Config): boolean {
  if (redis !== undefined || state.directory !== undefined) return false
  return Object.values(sources).some((source) => sourceKinds[source.kind]!.billing?.(source) !== undefined)
}

/**
 * Returns a function that adds to a configuration what the workers of a gateway have in common: the same for each configuration.
 * @param ledgerFolder folder of their ledger, if they need one
 */
export function configOfWorkers(ledgerFolder: string | undefined): (config: Config) => Config {
  const generated = [randomBytes(32).toString('hex')]
  return (config) => {
    const { auth, state } = config
    return {
      ...config,
      auth: { ...auth, sealKeys: auth.sealKeys.length > 0 ? auth.sealKeys : generated },
      state: { ...state, ...(ledgerFolder !== undefined && { directory: ledgerFolder }) },
    }
  }
}
