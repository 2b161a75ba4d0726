import type { DeclaredFunctions } from '../../query/facts/declared-functions.ts'
import { definedFacts } from '../../query/facts/definitions.ts'
import { factsOf, textFactsOf } from '../../query/facts/facts-of.ts'
import type { StatementFacts } from '../../query/facts/statement-facts.ts'
import type { Source } from '../../query/source.ts'
import type { Context, Query } from '../../query/types.ts'

/**
 * The facts of a statement, with what the users of its source have defined where the source can tell.
 * @param declared functions that count as known
 * @throws the signal's reason
 */
export function factsOfSource(
  query: Query,
  source: Source,
  ctx: Context,
  declared: DeclaredFunctions | undefined,
): StatementFacts | Promise<StatementFacts> {
  return source.definitions
    ? withDefinitions(query, source, ctx, declared)
    : factsOf(query, source.dialect ?? 'standard', ctx, declared)
}

async function withDefinitions(
  query: Query,
  source: Source,
  ctx: Context,
  declared: DeclaredFunctions | undefined,
): Promise<StatementFacts> {
  const dialect = source.dialect ?? 'standard'
  const facts = await textFactsOf(query.sql, dialect, ctx, declared)
  const { obstacle, canonical } = facts
  if (obstacle) return { obstacle, canonical, reads: undefined }
  try {
    return await definedFacts(facts, await source.definitions!(), dialect, declared)
  } catch (err) {
    ctx.log.warn({ event: 'cache', source: source.name, err }, 'the source did not list its views: no rows are stored')
    return { obstacle: 'unreadable', canonical, reads: undefined }
  }
}
