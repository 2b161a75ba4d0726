import type { AddressInfo } from 'node:net'
import { type Fault, Faults } from './faults.ts'
import { type CannedAnswer, CannedAnswers } from './jobs/answers.ts'
import { FakeJobs } from './jobs/jobs.ts'
import { createRestServer } from './rest/server.ts'
import type { FakeOptions, FakeRequest, FakeState } from './state.ts'
import { createStorageServer, listen } from './storage/server.ts'
import type { TableDeclaration } from './table.ts'
import { FakeTables } from './tables.ts'

/** What a stand-in offers, besides how it behaves. */
export interface BigQueryFakeOptions extends FakeOptions {
  readonly tables?: readonly TableDeclaration[]
  /** Ports; free ones by default. */
  readonly port?: number
  readonly storagePort?: number
}

/** A running stand-in of BigQuery: REST API v2 and BigQueryRead. */
export interface BigQueryFake {
  /** `http://127.0.0.1:PORT`; the API is under it and under `/bigquery/v2`. */
  readonly endpoint: string
  /** `127.0.0.1:PORT`, without TLS. */
  readonly storageEndpoint: string
  readonly tables: FakeTables
  readonly jobs: FakeJobs
  /** All calls that arrived, oldest first. */
  readonly requests: readonly FakeRequest[]
  readonly faults: { add(fault: Fault): () => void; clear(): void }
  /** Bytes billed by all jobs so far. */
  readonly billedBytes: number
  /** Answers a statement without looking at the tables; the newest answer that matches counts. */
  answer(match: string | RegExp, answer: CannedAnswer): void
  close(): Promise<void>
}

/**
 * Starts a stand-in of BigQuery on 127.0.0.1.
 * It follows BigQuery's public documentation, its protos and answers recorded from the service; it is no emulator:
 * its SQL is what tests need, and canned answers give the rest. Its strength are the bytes of dry runs and bills.
 */
export async function startBigQueryFake(options: BigQueryFakeOptions = {}): Promise<BigQueryFake> {
  const tables = new FakeTables(options.tables ?? [])
  const answers = new CannedAnswers()
  const jobs = new FakeJobs(tables, answers, options)
  const requests: FakeRequest[] = []
  const faults = new Faults()
  const state: FakeState = { options, tables, answers, jobs, faults, requests }
  const rest = createRestServer(state)
  const storage = createStorageServer(state)
  await new Promise<void>((resolve, reject) => {
    rest.once('error', reject)
    rest.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const storagePort = await listen(storage, options.storagePort ?? 0)
  return {
    endpoint: `http://127.0.0.1:${(rest.address() as AddressInfo).port}`,
    storageEndpoint: `127.0.0.1:${storagePort}`,
    tables,
    jobs,
    requests,
    faults,
    get billedBytes() {
      return jobs.billedBytes
    },
    answer: (match, answer) => answers.add(match, answer),
    async close() {
      jobs.close()
      storage.forceShutdown()
      rest.closeAllConnections()
      await new Promise((resolve) => rest.close(resolve))
    },
  }
}
