import type { Field } from '../../../arrow/schema.ts'
import { readArrowSchema, releaseArrowSchema } from './arrow-array-reader.ts'
import { c, checkErrorData, destroy } from './c-api.ts'
import { type Address, addressOf } from './library.ts'

/*
 * Memory whose address is given to native code must be reachable while that runs. A local variable that is not read again
 * is not enough: optimized code drops it. So this belongs to the module, and what a call needs besides is parked here.
 */
const SCHEMA_BYTES = 72
const scratchSchema = new Uint8Array(SCHEMA_BYTES)
let parked: readonly unknown[] = []

/** A column as DuckDB names it. */
export interface NamedType {
  readonly type: Address
  readonly name: Address
  /** Whether the name must be freed. */
  readonly ownName: boolean
}

/**
 * Names and types of DuckDB as an Arrow schema; the types are destroyed.
 * @param options how DuckDB converts to Arrow, a `duckdb_arrow_options`
 */
export function arrowSchema(options: Address, count: number, column: (i: number) => NamedType): Field {
  const types = new BigUint64Array(count)
  const names = new BigUint64Array(count)
  const owned: Address[] = []
  const at = addressOf(scratchSchema)
  scratchSchema.fill(0)
  parked = [types, names]
  try {
    for (let i = 0; i < count; i++) {
      const { type, name, ownName } = column(i)
      types[i] = BigInt(type)
      names[i] = BigInt(name)
      if (ownName && name !== 0) owned.push(name)
    }
    checkErrorData(c.toArrowSchema(options, addressOf(types), addressOf(names), count, at))
    try {
      return readArrowSchema(at)
    } finally {
      releaseArrowSchema(at)
    }
  } finally {
    for (const type of types) destroy(c.destroyType, Number(type))
    for (const name of owned) c.free(name)
    if (parked.length > 0) parked = []
  }
}
