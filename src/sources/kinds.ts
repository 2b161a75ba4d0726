import { duckDbKind } from './duckdb/kind.ts'
import { dremioKind, flightSqlKind } from './flightsql/kind.ts'
import type { SourceKinds } from './kind.ts'

/** The kinds of sources that there are: a further one is a folder and a line here. */
export const sourceKinds: SourceKinds = {
  duckdb: duckDbKind,
  flightsql: flightSqlKind,
  dremio: dremioKind,
}
