import { ApiError } from '../api-error.ts'
import type { FieldSchema } from '../schema.ts'
import type { FakeState } from '../state.ts'
import type { FakeTable } from '../table.ts'
import type { FakeDataset } from '../tables.ts'
import { formatOptions, listPage, pageOf, timestampFormat } from './pages.ts'
import { datasetView, tableItem, tableView } from './views.ts'

/** projects.list */
export function listProjects(state: FakeState, query: URLSearchParams) {
  const { items, ...rest } = listPage(state.tables.projects, query)
  const projects = items.map((project) => ({
    kind: 'bigquery#project',
    id: project,
    numericId: '1',
    projectReference: { projectId: project },
    friendlyName: project,
  }))
  return { kind: 'bigquery#projectList', etag: 'etag', projects, totalItems: state.tables.projects.length, ...rest }
}

/** datasets.list */
export function listDatasets(state: FakeState, project: string, query: URLSearchParams) {
  const all = state.tables.datasetsOf(project, query.get('all') === 'true')
  if (!state.tables.projects.includes(project))
    throw new ApiError(
      403,
      'accessDenied',
      `Access Denied: Project ${project}: User does not have bigquery.datasets.list permission in project ${project}, or perhaps it does not exist.`,
    )
  const { items, ...rest } = listPage(all, query)
  return {
    kind: 'bigquery#datasetList',
    etag: 'etag',
    ...(items.length > 0 && { datasets: items.map(datasetView) }),
    ...rest,
  }
}

/** datasets.get. @throws ApiError 404 */
export function getDataset(state: FakeState, project: string, name: string) {
  return { etag: 'etag', ...datasetView(datasetOf(state, project, name)) }
}

/** tables.list. @throws ApiError 404 */
export function listTables(state: FakeState, project: string, dataset: string, query: URLSearchParams) {
  const all = [...datasetOf(state, project, dataset).tables.values()]
  const { items, ...rest } = listPage(all, query)
  return {
    kind: 'bigquery#tableList',
    etag: 'etag',
    ...(items.length > 0 && { tables: items.map(tableItem) }),
    totalItems: all.length,
    ...rest,
  }
}

/** tables.get. @throws ApiError 404 */
export function getTable(state: FakeState, project: string, dataset: string, name: string) {
  return tableView(tableOf(state, project, dataset, name))
}

/** routines.get. @throws ApiError 404 */
export function getRoutine(state: FakeState, project: string, dataset: string, name: string) {
  const found = state.options.routines?.[`${dataset}.${name}`]
  if (!found) throw new ApiError(404, 'notFound', `Not found: Routine ${project}:${dataset}.${name}`)
  const routineReference = { projectId: project, datasetId: dataset, routineId: name }
  return { etag: 'etag', routineReference, routineType: 'SCALAR_FUNCTION', ...found }
}

/** tables.insert: an empty table. @throws ApiError */
export function insertTable(
  state: FakeState,
  project: string,
  dataset: string,
  body: Readonly<Record<string, unknown>>,
) {
  datasetOf(state, project, dataset)
  const { tableId } = body['tableReference'] as { tableId: string }
  if (state.tables.find(project, dataset, tableId))
    throw new ApiError(409, 'duplicate', `Already Exists: Table ${project}:${dataset}.${tableId}`)
  const { fields = [] } = (body['schema'] ?? {}) as { fields?: FieldSchema[] }
  return tableView(state.tables.add({ project, dataset, name: tableId, schema: fields, rows: [] }))
}

/** tables.delete. @throws ApiError 404 */
export function deleteTable(state: FakeState, project: string, dataset: string, name: string) {
  tableOf(state, project, dataset, name)
  state.tables.remove(project, dataset, name)
  return undefined
}

/** tabledata.list: pages of 10 MB and 100,000 rows at most. @throws ApiError */
export function listRows(state: FakeState, project: string, dataset: string, name: string, query: URLSearchParams) {
  const table = tableOf(state, project, dataset, name)
  if (table.kind === 'VIEW')
    throw new ApiError(400, 'invalid', `Cannot list a table of type VIEW: ${project}:${dataset}.${name}`)
  const selected = query.get('selectedFields')?.split(',')
  const positions = table.schema.flatMap((field, index) => (!selected || selected.includes(field.name) ? [index] : []))
  const source = {
    length: table.rows.length,
    at: (index: number) => ({ f: positions.map((position) => table.rows.at(index).f[position]!) }),
  }
  const rows = Math.min(Number(query.get('maxResults') ?? 100_000), state.options.pageRows ?? 100_000)
  const page = pageOf(
    source,
    positions.map((position) => table.schema[position]!),
    { pageToken: query.get('pageToken') ?? undefined, startIndex: query.get('startIndex') ?? undefined },
    { bytes: Math.min(state.options.pageBytes ?? 10_000_000, 10_000_000), rows },
    timestampFormat(formatOptions(query)),
  )
  return {
    kind: 'bigquery#tableDataList',
    etag: 'etag',
    totalRows: String(table.rows.length),
    ...(page.rows.length > 0 && { rows: page.rows }),
    ...(page.pageToken && { pageToken: page.pageToken }),
  }
}

function datasetOf(state: FakeState, project: string, name: string): FakeDataset {
  const found = state.tables.dataset(project, name)
  if (!found) throw new ApiError(404, 'notFound', `Not found: Dataset ${project}:${name}`)
  return found
}

function tableOf(state: FakeState, project: string, dataset: string, name: string): FakeTable {
  datasetOf(state, project, dataset)
  const found = state.tables.find(project, dataset, name)
  if (!found) throw new ApiError(404, 'notFound', `Not found: Table ${project}:${dataset}.${name}`)
  return found
}
