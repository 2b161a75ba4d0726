import { LoopTurn } from '../../../async/loop-turn.ts'
import { GatewayError } from '../../../query/errors.ts'
import { tokensOf } from '../text/tokens.ts'

/** The parameters that a statement names, or how many `?` it has. */
export interface Placeholders {
  /** Names without `@`, each once, in the order of the text; empty if the statement has `?` or none. */
  readonly names: readonly string[]
  /** Number of `?`. */
  readonly positions: number
}

/**
 * Finds the parameters of a statement.
 * @throws GatewayError BAD_SQL if it has both kinds, which BigQuery does not allow
 */
export async function placeholdersOf(sql: string): Promise<Placeholders> {
  const turn = new LoopTurn()
  const names = new Map<string, string>()
  let positions = 0
  for (const { kind, text } of tokensOf(sql)) {
    const pause = turn.next()
    if (pause) await pause
    if (kind !== 'parameter') continue
    if (text === '?') positions++
    else {
      const name = text.replace(/^@`?|`$/g, '')
      // Names of parameters are not case-sensitive.
      if (!names.has(name.toLowerCase())) names.set(name.toLowerCase(), name)
    }
  }
  if (positions > 0 && names.size > 0)
    throw new GatewayError('BAD_SQL', 'The statement has both ? and named parameters: use one kind.')
  return { names: [...names.values()], positions }
}
