import { Int32, Table, tableToIPC, vectorFromArray } from 'apache-arrow'
import { frameOf } from '../../../src/arrow/ipc/frame.ts'
import { readStream } from '../../../src/arrow/ipc/ipc.ts'
import type { Catalog } from '../../../src/query/catalog.ts'
import type { Source } from '../../../src/query/source.ts'
import type { SourceMetrics } from '../../../src/query/source-metrics.ts'
import type { Health, Plan, PlannedStatement, Query, Result } from '../../../src/query/types.ts'
import { dummyMetrics } from './metrics.ts'
import type { DummySettings } from './settings.ts'

/** The currently open sources. */
export const openSources = new Set<DummySource>()

/** Answers every statement with one row. */
export class DummySource implements Source {
  readonly kind = 'dummy'
  readonly writes: boolean = false
  readonly name: string
  readonly catalog: Catalog
  readonly #answer: number
  readonly #answers: ReturnType<typeof dummyMetrics>
  readonly #timer = setInterval(() => {}, 1000)

  constructor(name: string, { answer }: DummySettings, metrics: SourceMetrics) {
    this.name = name
    this.#answer = answer
    this.#answers = dummyMetrics(metrics)
    this.catalog = {
      catalogs: async () => [name],
      schemas: async () => [],
      tables: async () => [],
      tableSchema: async () => new Uint8Array(0),
      tableTypes: async () => [],
      primaryKeys: async () => [],
      foreignKeys: async () => [],
    }
    openSources.add(this)
  }

  async plan(query: Query): Promise<Plan> {
    return { query, kind: 'read', schema: this.#messages()[0]!.header }
  }

  async run(_plan: PlannedStatement): Promise<Result> {
    const [schema, batch] = this.#messages().map(({ header, body }, i) => frameOf(header, body, i))
    this.#answers(String(this.#answer)).inc()
    return {
      schema: schema!,
      frames: (async function* () {
        yield [batch!]
      })(),
      stats: { rows: 1, bytes: batch!.byteLength, affectedRows: -1 },
    }
  }

  async health(): Promise<Health> {
    return { ok: true, detail: 'It answers.' }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    openSources.delete(this)
  }

  #messages() {
    const table = new Table({ answer: vectorFromArray([this.#answer], new Int32()) })
    return [...readStream(tableToIPC(table, 'stream'))]
  }
}
