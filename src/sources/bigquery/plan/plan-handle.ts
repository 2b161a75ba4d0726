import type { UndeclaredParameter } from '../rest/api.ts'

/** What a run needs of its plan. It travels inside the gateway's sealed tickets. */
export interface PlanHandle {
  /** Where the statement runs. */
  readonly location?: string | undefined
  /** Kind of the statement as BigQuery names it. */
  readonly statementType: string
  /** Bytes that it reads at most; absent if BigQuery cannot tell. */
  readonly maxBytes?: number | undefined
  /** The announced types of the result's columns; see `typesOf`. */
  readonly announced?: string | undefined
  /** Types that the statement expects of its parameters, if a dry run without values has told them. */
  readonly parameterTypes?: readonly UndeclaredParameter[] | undefined
}

/** Packs a handle. */
export function encodeHandle(handle: PlanHandle): Uint8Array {
  const { location, statementType, maxBytes, announced, parameterTypes } = handle
  const members = [location ?? null, statementType, maxBytes ?? null, announced ?? null, parameterTypes ?? null]
  return Buffer.from(JSON.stringify(members))
}

/** Unpacks what `encodeHandle` packed. */
export function decodeHandle(handle: Uint8Array): PlanHandle {
  const [location, statementType, maxBytes, announced, parameterTypes] = JSON.parse(Buffer.from(handle).toString()) as [
    string | null,
    string,
    number | null,
    string | null,
    (readonly UndeclaredParameter[] | null)?,
  ]
  return {
    location: location ?? undefined,
    statementType,
    maxBytes: maxBytes ?? undefined,
    announced: announced ?? undefined,
    parameterTypes: parameterTypes ?? undefined,
  }
}
