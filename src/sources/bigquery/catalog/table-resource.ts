import type { TableField } from '../types/table-field.ts'

/** Columns of a foreign key, with the table that they refer to. */
export interface ForeignKey {
  readonly name: string | null
  readonly project: string
  readonly dataset: string
  readonly table: string
  readonly columns: readonly { readonly referencing: string; readonly referenced: string }[]
}

/**
 * What the catalog needs of a table resource.
 * Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table.
 */
export interface TableResource {
  /** As `TableEntry.type`. */
  readonly type: string
  readonly fields: readonly TableField[]
  readonly primaryKey: readonly string[]
  readonly foreignKeys: readonly ForeignKey[]
}

/** Types of tables as the catalog names them. Source: the field `type` of the table resource, without underscores. */
export const tableTypes = ['TABLE', 'VIEW', 'MATERIALIZED VIEW', 'EXTERNAL', 'SNAPSHOT'] as const

/** The catalog's name of a type of the API, such as `MATERIALIZED_VIEW`. */
export function tableTypeOf(type: unknown): string {
  return typeof type === 'string' && type !== '' ? type.replaceAll('_', ' ') : 'TABLE'
}

interface TableJson {
  readonly type?: string
  readonly schema?: { readonly fields?: readonly TableField[] }
  readonly tableConstraints?: {
    readonly primaryKey?: { readonly columns?: readonly string[] }
    readonly foreignKeys?: readonly {
      readonly name?: string
      readonly referencedTable?: {
        readonly projectId?: string
        readonly datasetId?: string
        readonly tableId?: string
      }
      readonly columnReferences?: readonly {
        readonly referencingColumn?: string
        readonly referencedColumn?: string
      }[]
    }[]
  }
}

/** Reads the answer of tables.get. */
export function readTableResource(json: object): TableResource {
  const { type, schema, tableConstraints } = json as TableJson
  return {
    type: tableTypeOf(type),
    fields: schema?.fields ?? [],
    primaryKey: tableConstraints?.primaryKey?.columns ?? [],
    foreignKeys: (tableConstraints?.foreignKeys ?? []).map(({ name, referencedTable, columnReferences }) => ({
      name: name ?? null,
      project: referencedTable?.projectId ?? '',
      dataset: referencedTable?.datasetId ?? '',
      table: referencedTable?.tableId ?? '',
      columns: (columnReferences ?? []).map(({ referencingColumn, referencedColumn }) => ({
        referencing: referencingColumn ?? '',
        referenced: referencedColumn ?? '',
      })),
    })),
  }
}
