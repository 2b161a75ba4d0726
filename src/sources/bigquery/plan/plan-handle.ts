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
}

/** Packs a handle. */
export function encodeHandle({ location, statementType, maxBytes, announced }: PlanHandle): Uint8Array {
  return Buffer.from(JSON.stringify([location ?? null, statementType, maxBytes ?? null, announced ?? null]))
}

/** Unpacks what `encodeHandle` packed. */
export function decodeHandle(handle: Uint8Array): PlanHandle {
  const [location, statementType, maxBytes, announced] = JSON.parse(Buffer.from(handle).toString()) as [
    string | null,
    string,
    number | null,
    string | null,
  ]
  return {
    location: location ?? undefined,
    statementType,
    maxBytes: maxBytes ?? undefined,
    announced: announced ?? undefined,
  }
}
