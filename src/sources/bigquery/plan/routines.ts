import { LRUCache } from 'lru-cache'
import { LoopTurn } from '../../../async/loop-turn.ts'
import type { RoutineReferenceResource, RoutineResource } from '../rest/api.ts'
import { type RestClient, segments } from '../rest/rest-client.ts'
import { readStatementText } from '../text/statement-text.ts'
import { type Token, tokensOf } from '../text/tokens.ts'

/** How long it is known what a routine is, in milliseconds. */
const FRESH_MS = 5 * 60_000
/** How long a routine that could not be looked at counts as one in doubt, in milliseconds. */
const FAILED_MS = 30_000
/** How long a statement waits for its routines, in milliseconds. */
const MAX_WAIT_MS = 3000
const MAX_KNOWN = 5000
/** Most routines of one statement that are looked at; further ones are in doubt. */
const MAX_ASKED = 20
/** Prefixes of BigQuery's own functions. Those that cost extra are found by `readStatementText`. */
const ownPrefixes = new Set(['SAFE', 'NET', 'KEYS', 'AEAD', 'HLL_COUNT', 'KLL_QUANTILES', 'ML', 'AI'])

/**
 * Whether a call of a routine costs more than the query: `none`, `other` (another service bills it: Python, remote functions, Spark,
 * models), or `unknown`.
 */
export type RoutineCost = 'none' | 'other' | 'unknown'

/** A routine of a statement that costs more than the query, or may. */
export interface CostlyRoutine {
  /** As `dataset.routine`. */
  readonly name: string
  readonly cost: Exclude<RoutineCost, 'none'>
}

/** Tells which routines cost extra, by routines.get, which is free. Its answers are kept for some minutes. */
export class Routines {
  readonly #rest: RestClient
  #known = newCache()

  constructor(rest: RestClient) {
    this.#rest = rest
  }

  /** Forgets all answers, after a statement that may have replaced a routine. */
  forget(): void {
    // Answers that are on their way go to the old one.
    this.#known = newCache()
  }

  /**
   * The routines of a statement that cost extra, or may. A routine that cannot be looked at is in doubt.
   * @throws the signal's reason
   */
  async costly(references: readonly RoutineReferenceResource[], signal: AbortSignal): Promise<CostlyRoutine[]> {
    const known = this.#known
    const limited = AbortSignal.any([signal, AbortSignal.timeout(MAX_WAIT_MS)])
    const costs = await Promise.all(
      references.map(async (each, i): Promise<RoutineCost> => {
        if (i >= MAX_ASKED) return 'unknown'
        const path = this.#pathOf(each)
        const before = known.get(path)
        if (before !== undefined) return before
        const cost = await this.#ask(path, limited)
        // A caller that has gone says nothing of the routine.
        if (!signal.aborted) known.set(path, cost ?? 'unknown', cost === undefined ? { ttl: FAILED_MS } : {})
        return cost ?? 'unknown'
      }),
    )
    signal.throwIfAborted()
    return references.flatMap(({ datasetId, routineId }, i) => {
      const cost = costs[i]!
      return cost === 'none' ? [] : { name: `${datasetId}.${routineId}`, cost }
    })
  }

  #pathOf({ projectId = this.#rest.project, datasetId = '', routineId = '' }: RoutineReferenceResource): string {
    return `projects/${segments(projectId)}/datasets/${segments(datasetId)}/routines/${segments(routineId)}`
  }

  /** Undefined if the routine cannot be looked at. */
  async #ask(path: string, signal: AbortSignal): Promise<RoutineCost | undefined> {
    try {
      return await costOf(await this.#rest.request<RoutineResource>({ method: 'GET', path, repeatable: true }, signal))
    } catch {
      return undefined
    }
  }
}

function newCache(): LRUCache<string, RoutineCost> {
  return new LRUCache<string, RoutineCost>({ max: MAX_KNOWN, ttl: FRESH_MS })
}

/**
 * What a routine costs by its definition. Code in JavaScript runs inside of the query; so does SQL, unless it calls what costs extra.
 * Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/routines#Routine.
 */
async function costOf(routine: RoutineResource): Promise<RoutineCost> {
  const { language, remoteFunctionOptions, sparkOptions, definitionBody } = routine
  if (remoteFunctionOptions || sparkOptions) return 'other'
  switch (language) {
    case 'JAVASCRIPT':
      return 'none'
    case 'SQL':
      return definitionBody === undefined ? 'unknown' : await costOfSql(definitionBody)
    case 'PYTHON':
    case 'JAVA':
    case 'SCALA':
      return 'other'
    default:
      return 'unknown'
  }
}

async function costOfSql(body: string): Promise<RoutineCost> {
  const { externalFunctions } = await readStatementText(body)
  if (externalFunctions.length > 0) return 'other'
  const turn = new LoopTurn()
  let [last, dot, prefix]: (Token | undefined)[] = []
  for (const token of tokensOf(body)) {
    const pause = turn.next()
    if (pause) await pause
    // The text that it runs is not known.
    if (token.kind === 'word' && token.text === 'EXECUTE') return 'unknown'
    // It calls a routine of its own, which the dry run may not name.
    if (token.kind === 'symbol' && token.text === '(' && last) {
      const isQualified = dot?.text === '.' && last.kind !== 'symbol' && !ownPrefixes.has(prefix?.text ?? '')
      if (isQualified || last.text === '.' || (last.kind === 'quoted' && last.text.includes('.'))) return 'unknown'
    }
    prefix = dot
    dot = last
    last = token
  }
  return 'none'
}
