import type { Config } from '../../config/config.ts'
import type { DeclaredFunctions } from '../../query/facts/declared-functions.ts'

/** Finds the functions that `sources.<name>.cache.functions` declares, by the name of the source. */
export function declaredFunctionsOf({
  sources,
}: Pick<Config, 'sources'>): (source: string) => DeclaredFunctions | undefined {
  const declared = new Map<string, DeclaredFunctions>()
  for (const [name, { cache }] of Object.entries(sources))
    if (cache?.functions) declared.set(name, new Set(cache.functions.map((written) => written.toUpperCase())))
  return (source) => declared.get(source)
}
