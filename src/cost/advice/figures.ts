import type { Advice, Estimate } from '../../query/estimate.ts'
import type { Plan } from '../../query/types.ts'
import { bytesText } from './rules/rule.ts'
import type { Suggestion } from './suggestion.ts'

/** A dry run of a text. */
export interface DryRun {
  readonly sql: string
  readonly plan: Plan
  readonly estimate: Estimate
}

/** Bytes that an estimate bills; undefined if it does not know. */
export function billedBytesOf({ accuracy, billableBytes, bytes }: Estimate): number | undefined {
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

/**
 * A suggestion with its figures; undefined if it should save bytes and does not.
 * @param rewritten dry run of the rewritten statement; undefined if there is none, or if its result differs
 */
export function adviceOf(suggestion: Suggestion, before: DryRun, rewritten: DryRun | undefined): Advice | undefined {
  const { rule, message, edits, saves } = suggestion
  if (!rewritten) {
    // A rewrite that the engine refuses, or that could not be measured, is no advice on bytes.
    if (edits && saves === 'bytes') return undefined
    return { rule, message: `${message}${repeats(suggestion, before)}` }
  }
  const savedBytes = savedBytesOf(before, rewritten)
  if (saves !== 'bytes' && !savedBytes)
    return { rule, message: `${message}${repeats(suggestion, before)}`, rewrittenQuery: rewritten.sql }
  if (savedBytes === undefined || savedBytes <= 0) return undefined
  const [from, to] = [before.estimate.costUsd, rewritten.estimate.costUsd]
  const savedUsd = from === undefined || to === undefined ? undefined : from - to
  const [fromBytes, toBytes] = [billedBytesOf(before.estimate)!, billedBytesOf(rewritten.estimate)!]
  const share = Math.round((savedBytes / fromBytes) * 1000) / 10
  const dollars = savedUsd !== undefined && savedUsd > 0 ? `, ${usdText(savedUsd)} less at each run` : ''
  return {
    rule,
    message: `${message} ${bytesText(fromBytes)} -> ${bytesText(toBytes)}, -${share >= 10 ? Math.round(share) : share} %${dollars}.`,
    rewrittenQuery: rewritten.sql,
    billableBytes: toBytes,
    savedBytes,
    ...(savedUsd !== undefined && { savedUsd }),
  }
}

function repeats({ saves }: Suggestion, { estimate }: DryRun): string {
  return saves === 'repeats' && estimate.costUsd ? ` A repeated run then saves ${usdText(estimate.costUsd)}.` : ''
}

/** US dollars as people read them. */
export function usdText(usd: number): string {
  return `${usd >= 0.995 ? usd.toFixed(2) : usd.toPrecision(2).replace(/\.?0+$/, '')} USD`
}

/** The best first: rewrites with the same rows by what they save, then examples, then what has no figure. */
export function ranked(advice: readonly Advice[]): readonly Advice[] {
  const isExample = ({ message }: Advice) => message.includes('As an example')
  const place = (each: Advice) => (each.savedBytes === undefined ? 2 : isExample(each) ? 1 : 0)
  return [...advice].sort((a, b) => place(a) - place(b) || (b.savedBytes ?? 0) - (a.savedBytes ?? 0))
}
