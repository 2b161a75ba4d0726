import type { Advice, Estimate, FreeTier, Price } from '../estimate.ts'
import { accuracies } from './estimate-members.ts'

/** Most tables, suggestions and the like that an estimate may list. */
export const MAX_LISTED = 100

type Json = Readonly<Record<string, unknown>>

/**
 * Reads an estimate from its JSON, which another gateway has sent. A member that does not have its form counts as absent.
 * @returns undefined if it is no estimate
 */
export function readEstimate(json: unknown): Estimate | undefined {
  if (!isObject(json)) return undefined
  const accuracy = accuracies.find((each) => each === json['accuracy'])
  if (accuracy === undefined) return undefined
  return {
    accuracy,
    ...present({
      bytes: countOf(json['bytes']),
      rows: countOf(json['rows']),
      billableBytes: countOf(json['billable_bytes']),
      costUsd: amountOf(json['cost_usd']),
      slotMs: countOf(json['slot_ms']),
      price: priceOf(json['price']),
      externalCosts: textsOf(json['external_costs']),
      statementType: textOf(json['statement_type']),
      referencedTables: textsOf(json['referenced_tables']),
      suggestions: textsOf(json['suggestions']),
      advice: listOf(json['advice'], adviceOf),
      refusal: textOf(json['refusal']),
    }),
  }
}

function priceOf(json: unknown): Price | undefined {
  if (!isObject(json)) return undefined
  const { model } = json
  const region = textOf(json['region'])
  if ((model !== 'on_demand' && model !== 'edition') || region === undefined) return undefined
  return {
    model,
    region,
    ...present({
      isAssumed: json['is_assumed'] === true ? true : undefined,
      usdPerTib: amountOf(json['usd_per_tib']),
      usdPerSlotHour: amountOf(json['usd_per_slot_hour']),
      edition: textOf(json['edition']),
      checkedOn: textOf(json['checked_on']),
      freeTier: freeTierOf(json['free_tier']),
    }),
  }
}

function freeTierOf(json: unknown): FreeTier | undefined {
  if (!isObject(json)) return undefined
  const bytesPerMonth = countOf(json['bytes_per_month'])
  const ownBytesPerMonth = countOf(json['own_bytes_per_month'])
  if (bytesPerMonth === undefined || ownBytesPerMonth === undefined) return undefined
  return { bytesPerMonth, ownBytesPerMonth, ...present({ ownBytesLeft: countOf(json['own_bytes_left']) }) }
}

function adviceOf(json: unknown): Advice | undefined {
  if (!isObject(json)) return undefined
  const [rule, message] = [textOf(json['rule']), textOf(json['message'])]
  if (rule === undefined || message === undefined) return undefined
  return {
    rule,
    message,
    ...present({
      rewrittenQuery: textOf(json['rewritten_query']),
      billableBytes: countOf(json['billable_bytes']),
      savedBytes: countOf(json['saved_bytes']),
      savedUsd: amountOf(json['saved_usd']),
    }),
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function countOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined
}

function amountOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

const textsOf = (value: unknown) => listOf(value, textOf)

/** The members of a list; undefined if it is empty or too long, or if one member does not have its form. */
function listOf<T>(value: unknown, memberOf: (value: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_LISTED) return undefined
  const members = value.map(memberOf)
  return members.includes(undefined) ? undefined : (members as T[])
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** The members that have a value. */
function present<T extends object>(members: T): Present<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Present<T>
}
