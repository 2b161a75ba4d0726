import type { Config } from '../../config/config.ts'
import type { DeclaredFunctions } from '../../query/facts/declared-functions.ts'

/** Finds the functions that `sources.<name>.cache.functions` declares, by the name of the source. Follows a reload. */
export function declaredFunctionsOf(
  config: Pick<Config, 'sources'>,
): (source: string) => DeclaredFunctions | undefined {
  const known = new WeakMap<readonly string[], DeclaredFunctions>()
  return (source) => {
    const functions = config.sources[source]?.cache?.functions
    if (!functions) return undefined
    let declared = known.get(functions)
    if (!declared) {
      declared = new Set(functions.map((written) => written.toUpperCase()))
      known.set(functions, declared)
    }
    return declared
  }
}
