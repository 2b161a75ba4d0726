import type { Faults } from './faults.ts'
import type { CannedAnswers } from './jobs/answers.ts'
import type { FakeJobs, JobOptions } from './jobs/jobs.ts'
import type { FakeTables } from './tables.ts'

/** How a stand-in behaves. */
export interface FakeOptions extends JobOptions {
  /** Bytes of JSON that a page of rows holds; 20 MB by default, as jobs.query and getQueryResults allow. */
  readonly pageBytes?: number
  /** Rows that a page holds at most. */
  readonly pageRows?: number
  /** Only requests with `authorization: Bearer TOKEN` are served. */
  readonly token?: string
  /** jobs.query knows `queryResultsFormat: 'ARROW'`, and ReadRows knows the streams of jobs. */
  readonly arrow?: boolean
  /** Rows of a batch of the Storage API; 10,000 by default. */
  readonly batchRows?: number
  /** Tables with fewer bytes get one stream; 1,000,000 by default. */
  readonly smallTableBytes?: number
  /** Streams that a session gets at most, whatever is asked for; 8 by default. */
  readonly maxStreams?: number
  /** The first stream gets most of the rows. */
  readonly lopsided?: boolean
  /** CreateReadSession is refused, as without the role of a read session user. */
  readonly denyStorage?: boolean
  /** Routines by `dataset.routine`, with further fields of their resource. */
  readonly routines?: Readonly<Record<string, object>>
  /** Sessions end after so long; 6 hours by default. */
  readonly sessionMs?: number
  /** LZ4_FRAME and ZSTD are refused: the stand-in compresses nothing. Ignored if false. */
  readonly refuseCompression?: boolean
}

/** What the servers of a stand-in share. */
export interface FakeState {
  readonly options: FakeOptions
  readonly tables: FakeTables
  readonly answers: CannedAnswers
  readonly jobs: FakeJobs
  readonly faults: Faults
  readonly requests: FakeRequest[]
}

/** A call that arrived. */
export interface FakeRequest {
  /** `jobs.insert`, `tables.get`, `CreateReadSession`, `ReadRows` ... */
  readonly method: string
  /** REST: path and query. */
  readonly path?: string
  readonly headers: Readonly<Record<string, unknown>>
  /** REST: the body; Storage API: the message. */
  readonly body: unknown
}
