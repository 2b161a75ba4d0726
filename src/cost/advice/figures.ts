import type { Advice, Estimate } from '../../query/estimate.ts'
import type { Plan } from '../../query/types.ts'
import { usdInWords } from '../amounts.ts'
import { bytesText } from './rules/rule.ts'
import type { Suggestion } from './suggestion.ts'

/** A dry run of a text. */
export interface DryRun {
  readonly sql: string
  readonly plan: Plan
  readonly estimate: Estimate
}

/** Bytes that an estimate bills; undefined if it does not know. */
function billedBytesOf({ accuracy, billableBytes, bytes }: Estimate): number | undefined {
  return accuracy === 'unknown' ? undefined : (billableBytes ?? bytes)
}

/** Bytes that a rewrite saves; undefined if one of the figures is unknown. Negative if it reads more. */
export function savedBytesOf(before: DryRun, after: DryRun): number | undefined {
  const [from, to] = [billedBytesOf(before.estimate), billedBytesOf(after.estimate)]
  return from === undefined || to === undefined ? undefined : from - to
}

/** Whether a rewrite bills more than the statement itself. */
export function isWorse(before: DryRun, after: DryRun): boolean {
  return (savedBytesOf(before, after) ?? 0) < 0
}

/** Advice, and whether its rewrite is only an example. */
export interface Finding {
  readonly advice: Advice
  readonly isExample: boolean
}

/**
 * A suggestion with its figures; undefined if it should save bytes and does not.
 * @param rewritten dry run of the rewritten statement; undefined if there is none, or if its result differs
 */
export function findingOf(suggestion: Suggestion, before: DryRun, rewritten: DryRun | undefined): Finding | undefined {
  const { rule, message, edits, saves, result } = suggestion
  const isExample = result === 'example'
  if (!rewritten) {
    // A rewrite that the engine refuses, or that could not be measured, is no advice on bytes; what an example shows stays true.
    if (edits && saves === 'bytes' && !isExample) return undefined
    return { advice: { rule, message: `${message}${repeats(suggestion, before)}` }, isExample }
  }
  const savedBytes = savedBytesOf(before, rewritten)
  if (saves !== 'bytes' && !savedBytes)
    return {
      advice: { rule, message: `${message}${repeats(suggestion, before)}`, rewrittenQuery: rewritten.sql },
      isExample,
    }
  if (savedBytes === undefined || savedBytes <= 0) return undefined
  const [from, to] = [before.estimate.costUsd, rewritten.estimate.costUsd]
  const savedUsd = from === undefined || to === undefined ? undefined : from - to
  const [fromBytes, toBytes] = [billedBytesOf(before.estimate)!, billedBytesOf(rewritten.estimate)!]
  const share = (savedBytes / fromBytes) * 100
  const percent = share >= 10 ? Math.min(99, Math.round(share)) : Number(share.toPrecision(1))
  const dollars = savedUsd !== undefined && savedUsd > 0 ? `, ${usdInWords(savedUsd)} less at each run` : ''
  const example = suggestion.example === undefined ? '' : ` ${suggestion.example}`
  return {
    advice: {
      rule,
      message: `${message}${example} ${bytesText(fromBytes)} -> ${bytesText(toBytes)}, -${toBytes === 0 ? 100 : percent} %${dollars}.`,
      rewrittenQuery: rewritten.sql,
      billableBytes: toBytes,
      savedBytes,
      ...(savedUsd !== undefined && { savedUsd }),
    },
    isExample,
  }
}

function repeats({ saves }: Suggestion, { estimate }: DryRun): string {
  return saves === 'repeats' && estimate.costUsd ? ` A repeated run then saves ${usdInWords(estimate.costUsd)}.` : ''
}

/** The best first: rewrites with the same rows by what they save, then examples, then what has no figure. */
export function ranked(findings: readonly Finding[]): readonly Advice[] {
  const place = ({ advice, isExample }: Finding) => (advice.savedBytes === undefined ? 2 : isExample ? 1 : 0)
  return [...findings]
    .sort((a, b) => place(a) - place(b) || (b.advice.savedBytes ?? 0) - (a.advice.savedBytes ?? 0))
    .map(({ advice }) => advice)
}
