import type { FieldSchema, Row } from '../schema.ts'
import type { RowSource } from '../table.ts'
import { read, type StatementContext } from './context.ts'
import { child, children, keyword, type Node, pathOf } from './cst.ts'
import { compileDml, type DmlStats } from './dml.ts'
import { compileExpression } from './expression.ts'
import { compileQuery, schemaOf } from './query.ts'
import type { Relation, Scan } from './scan.ts'
import { restRow } from './values.ts'

/** What a statement gave. */
export interface StatementResult {
  readonly schema?: readonly FieldSchema[]
  readonly rows?: RowSource
  readonly dml?: DmlStats
  readonly ddl?: { readonly operation: string; readonly target: readonly string[] }
}

/** A statement that can be estimated and run. */
export interface CompiledStatement {
  /** As `statistics.query.statementType` names it. */
  readonly type: string
  readonly text: string
  readonly scans: readonly Scan[]
  readonly schema?: readonly FieldSchema[]
  /** The estimate of a script ends before it. */
  readonly endsEstimate: boolean
  /** @throws ApiError */
  run(): StatementResult
}

/**
 * Compiles one statement of a script.
 * @throws ApiError
 */
export function compileStatement(node: Node, context: StatementContext): CompiledStatement {
  const first = context.scans.length
  const made = compiled(node, context)
  return { endsEstimate: false, ...made, text: '', scans: context.scans.slice(first) }
}

type Made = Omit<CompiledStatement, 'text' | 'scans' | 'endsEstimate'> & { readonly endsEstimate?: boolean }

function compiled(node: Node, context: StatementContext): Made {
  switch (node.node_type) {
    case 'SelectStatement':
    case 'SetOperator':
    case 'GroupedStatement':
    case 'PipeStatement':
    case 'FromStatement':
      return selectStatement(node, context)
    case 'InsertStatement':
    case 'UpdateStatement':
    case 'DeleteStatement':
    case 'MergeStatement':
    case 'TruncateStatement':
      return compileDml(node, context)
    case 'CreateTableStatement':
      return createTable(node, context)
    case 'CreateViewStatement':
      return ddl(node, context, 'CREATE_VIEW', 'CREATE')
    case 'DropStatement': {
      const what = keyword(child(node, 'what'))
      return ddl(node, context, `DROP_${what === 'SCHEMA' ? 'SCHEMA' : what}`, 'DROP', (path) => {
        const [name, dataset = context.defaultDataset ?? '', project = context.project] = path.toReversed()
        context.tables.remove(project, dataset, name!)
      })
    }
    case 'ExportDataStatement': {
      const relation = compileQuery(child(child(node, 'as'), 'stmt')!, context)
      read(relation.columns)
      return { type: 'EXPORT_DATA', run: () => ({}) }
    }
    case 'DeclareStatement': {
      const expr = child(child(node, 'default'), 'expr')
      const value = expr && compileExpression(expr, { context, scope: { ranges: [] }, compileQuery })
      const type = keyword(child(node, 'variable_type'))
      for (const name of children(node, 'idents')) {
        const field = value?.field ?? { name: '', type, mode: 'NULLABLE' }
        context.variables.set(pathOf(name)![0]!.toLowerCase(), {
          field,
          value: value?.constant ? value.value([]) : null,
        })
      }
      return { type: 'DECLARE', run: () => ({}) }
    }
    default:
      return { type: node.node_type.replace('Statement', '').toUpperCase(), endsEstimate: true, run: () => ({}) }
  }
}

function selectStatement(node: Node, context: StatementContext): Made {
  const relation = compileQuery(node, context)
  read(relation.columns)
  const schema = schemaOf(relation)
  return { type: 'SELECT', schema, run: () => ({ schema, rows: rowsOf(relation) }) }
}

/** The rows of a relation: by index where it can, else all of them. */
export function rowsOf({ source, rows, columns }: Relation): RowSource {
  if (source) {
    const { length, repeatsAfter } = source
    return { length, ...(repeatsAfter && { repeatsAfter }), at: (index) => restRow(source.at(index)) }
  }
  const visible = columns.flatMap(({ hidden }, index) => (hidden ? [] : [index]))
  const all: Row[] = []
  for (const row of rows()) all.push(restRow(visible.map((index) => row[index] ?? null)))
  return { length: all.length, at: (index) => all[index]! }
}

function createTable(node: Node, context: StatementContext): Made {
  const query = child(child(node, 'as'), 'stmt')
  const declared = children(child(node, 'column_schema_group'), 'declarations').concat(
    children(child(node, 'column_schema'), 'declarations'),
  )
  const schema = declared.flatMap((column): FieldSchema[] => {
    const name = pathOf(child(column, 'ident'))?.[0]
    return name ? [{ name, type: keyword(child(column, 'type')), mode: 'NULLABLE' }] : []
  })
  const relation = query && compileQuery(query, context)
  if (relation) read(relation.columns)
  const target = pathOf(child(node, 'ident'))!
  const columns = relation ? schemaOf(relation) : schema
  const type = relation ? 'CREATE_TABLE_AS_SELECT' : 'CREATE_TABLE'
  return {
    type,
    endsEstimate: true,
    ...(relation && { schema: columns }),
    run() {
      const [name, dataset = context.defaultDataset ?? '_script', project = context.project] = target.toReversed()
      const rows = relation ? rowsOf(relation) : { length: 0, at: (): Row => ({ f: [] }) }
      const all = Array.from({ length: rows.length }, (_, index) => rows.at(index))
      context.tables.add({ project, dataset: dataset!, name: name!, schema: columns, rows: all })
      return { ddl: { operation: 'CREATE', target: [project, dataset!, name!] } }
    },
  }
}

function ddl(
  node: Node,
  context: StatementContext,
  type: string,
  operation: string,
  act?: (path: readonly string[]) => void,
): Made {
  const path = pathOf(child(node, 'ident')) ?? []
  const [name = '', dataset = context.defaultDataset ?? '', project = context.project] = path.toReversed()
  return {
    type,
    endsEstimate: true,
    run() {
      act?.(path)
      return { ddl: { operation, target: [project, dataset, name] } }
    },
  }
}
