import { ApiError } from './api-error.ts'
import { defaultProject, FakeTable, type TableDeclaration } from './table.ts'

/** A dataset of the stand-in. */
export interface FakeDataset {
  readonly project: string
  readonly name: string
  readonly location: string
  readonly createdAt: number
  readonly description?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly tables: Map<string, FakeTable>
}

/** The datasets and tables of a stand-in, by project. */
export class FakeTables {
  readonly #datasets = new Map<string, FakeDataset>()

  constructor(declarations: readonly TableDeclaration[]) {
    for (const declaration of declarations) this.add(declaration)
  }

  /** Declares a table, in place of one of the same name. */
  add(declaration: TableDeclaration): FakeTable {
    const table = new FakeTable(declaration)
    this.addDataset(table.project, table.dataset, table.location).tables.set(table.name, table)
    return table
  }

  addDataset(project: string, name: string, location = 'US'): FakeDataset {
    const key = `${project}.${name}`
    const found = this.#datasets.get(key)
    if (found) return found
    const dataset: FakeDataset = { project, name, location, createdAt: Date.now(), tables: new Map() }
    this.#datasets.set(key, dataset)
    return dataset
  }

  remove(project: string, dataset: string, name: string): boolean {
    return this.#datasets.get(`${project}.${dataset}`)?.tables.delete(name) ?? false
  }

  dataset(project: string, name: string): FakeDataset | undefined {
    return this.#datasets.get(`${project}.${name}`)
  }

  /** All datasets of a project; those of anonymous results only if asked. */
  datasetsOf(project: string, all = false): FakeDataset[] {
    return [...this.#datasets.values()].filter(
      (dataset) => dataset.project === project && (all || !dataset.name.startsWith('_')),
    )
  }

  get projects(): string[] {
    return [...new Set([...this.#datasets.values()].map(({ project }) => project))]
  }

  find(project: string, dataset: string, name: string): FakeTable | undefined {
    return this.#datasets.get(`${project}.${dataset}`)?.tables.get(name)
  }

  /**
   * The table that a statement names, or all shards of a wildcard in the order of their names.
   * @param path one to three names
   * @throws ApiError 403 without such a dataset or project, whose text leaves open which it is, and 404 without such a table
   */
  resolve(path: readonly string[], project: string, defaultDataset?: string): FakeTable[] {
    const [name, datasetName = defaultDataset, projectName = project || defaultProject] = [...path].reverse()
    if (datasetName === undefined)
      throw new ApiError(400, 'invalid', `Table "${name}" must be qualified with a dataset (e.g. dataset.table).`, name)
    const full = `${projectName}:${datasetName}.${name}`
    const dataset = this.dataset(projectName, datasetName)
    if (!dataset)
      throw new ApiError(
        403,
        'accessDenied',
        `Access Denied: Table ${full}: User does not have permission to query table ${full}, or perhaps it does not exist.`,
      )
    if (name!.endsWith('*')) {
      const prefix = name!.slice(0, -1)
      const shards = [...dataset.tables.values()]
        .filter((table) => table.name.startsWith(prefix) && table.kind !== 'VIEW')
        .sort((a, b) => (a.name < b.name ? -1 : 1))
      if (shards.length === 0) throw new ApiError(404, 'notFound', `${full} does not match any table.`)
      return shards
    }
    const table = dataset.tables.get(name!)
    if (!table)
      throw new ApiError(404, 'notFound', `Not found: Table ${full} was not found in location ${dataset.location}`)
    return [table]
  }
}
