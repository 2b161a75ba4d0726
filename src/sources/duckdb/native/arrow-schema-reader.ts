import type { Field } from '../../../arrow/schema.ts'
import { readArrowSchema, releaseArrowSchema } from './arrow-array-reader.ts'
import { c, checkErrorData, destroy } from './c-api.ts'
import { type Address, addressOf } from './library.ts'

/*
 * Native code reads and writes this memory, which must stay reachable meanwhile. A local variable is not enough: optimized
 * code drops it after its last use. So the module owns it, and `reachable` holds what else a call needs.
 */
const SCHEMA_BYTES = 72
const scratchSchema = new Uint8Array(SCHEMA_BYTES)
let reachable: readonly unknown[] = []

/** A column's type and name, as DuckDB's C API returns them. */
export interface NamedType {
  readonly type: Address
  readonly name: Address
  /** Whether the caller must free the name. */
  readonly ownsName: boolean
}

/**
 * Converts DuckDB's names and types to an Arrow schema, and destroys the types.
 * @param options conversion options, a `duckdb_arrow_options`
 */
export function arrowSchema(options: Address, count: number, column: (i: number) => NamedType): Field {
  const types = new BigUint64Array(count)
  const names = new BigUint64Array(count)
  const owned: Address[] = []
  const at = addressOf(scratchSchema)
  scratchSchema.fill(0)
  reachable = [types, names]
  try {
    for (let i = 0; i < count; i++) {
      const { type, name, ownsName } = column(i)
      types[i] = BigInt(type)
      names[i] = BigInt(name)
      if (ownsName && name !== 0) owned.push(name)
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
    if (reachable.length > 0) reachable = []
  }
}
