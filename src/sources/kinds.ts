import { bigQueryKind } from './bigquery/kind.ts'
import { duckDbKind } from './duckdb/kind.ts'
import { dremioKind, flightSqlKind } from './flightsql/kind.ts'
import type { SourceKinds } from './kind.ts'

/** All kinds of sources. A new kind needs its own folder and one line here. */
export const sourceKinds: SourceKinds = {
  duckdb: duckDbKind,
  flightsql: flightSqlKind,
  dremio: dremioKind,
  bigquery: bigQueryKind,
}
