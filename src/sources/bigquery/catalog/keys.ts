import type { ForeignKeyColumn, KeyColumn, TableEntry } from '../../../query/catalog.ts'
import type { ForeignKey, TableResource } from './table-resource.ts'

type Named = Omit<TableEntry, 'type'>

/** The primary key of a table. BigQuery does not name primary keys. */
export function primaryKeyColumns({ catalog, schema, table }: Named, { primaryKey }: TableResource): KeyColumn[] {
  return primaryKey.map((column, i) => ({ catalog, schema, table, column, keyName: null, sequence: i + 1 }))
}

/** The foreign keys of a table. @param refersTo selects them by the table that they refer to */
export function foreignKeyColumns(
  { catalog, schema, table }: Named,
  { foreignKeys }: TableResource,
  refersTo: (key: ForeignKey) => boolean = () => true,
): ForeignKeyColumn[] {
  return foreignKeys.filter(refersTo).flatMap((key) =>
    key.columns.map(({ referencing, referenced }, i) => ({
      primary: { catalog: key.project, schema: key.dataset, table: key.table, column: referenced, keyName: null },
      foreign: { catalog, schema, table, column: referencing, keyName: key.name },
      sequence: i + 1,
    })),
  )
}
