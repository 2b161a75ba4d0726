import type { TableFacts } from '../../../query/billing/source-cost.ts'
import type { Suggestion } from '../suggestion.ts'

/** What the main thread asks the analysis thread. */
export type AnalysisRequest =
  | { readonly kind: 'tables'; readonly sql: string }
  | {
      readonly kind: 'suggestions'
      readonly sql: string
      readonly facts: ReadonlyMap<string, TableFacts>
      /** Unix milliseconds. */
      readonly now: number
    }

/** The answer to a request; undefined members where the text could not be read. */
export interface AnalysisReply {
  readonly tables?: readonly (readonly string[])[] | undefined
  readonly suggestions?: readonly Suggestion[]
  /** Whether the parser is broken, so that the thread must not be used again. */
  readonly isBroken?: boolean
}
