import { type OtherReplicas, type ReplicaBus, ReplicaQuestions } from '../replicas/replica-questions.ts'
import type { Logger } from '../types.ts'
import {
  mergeSeries,
  type ProcessColumn,
  processColumns,
  type Series,
  type SourceColumn,
  sourceColumns,
} from './columns.ts'
import { SAMPLE_MS, SAMPLES, SampleRing } from './sample-ring.ts'

/** What a process reads for one sample. */
export interface HistoryReaders {
  /** The sources with their values now; counts since the last call. */
  sources(): Iterable<readonly [source: string, values: Readonly<Record<SourceColumn, number>>]>
  process(): Readonly<Record<ProcessColumn, number>>
}

/** Which part of the history a caller asks for. */
export interface HistoryWish {
  /** Names of the sources. */
  readonly sources: readonly string[]
  /** Length of a step in milliseconds: a multiple of `SAMPLE_MS` that divides an hour. */
  readonly stepMs: number
}

/** The last hour, as one process or all of them saw it. Each series has a value for each step. */
export interface HistoryReport {
  /** When the first step began, in Unix milliseconds. */
  readonly startedAt: number
  readonly stepMs: number
  readonly sources: readonly { readonly name: string; readonly series: Series<SourceColumn> }[]
  readonly process: Series<ProcessColumn>
}

/** The last hour of all processes. */
export interface History extends HistoryReport {
  /** Processes whose values are in it. */
  readonly processes: number
  /** Whether a process did not answer in time. */
  readonly isPartial: boolean
}

/** A timer may fire before its time by the clock: a sample comes this much later, so that two never fall into the same 10 s. */
const LATE_MS = 50

interface Question extends HistoryWish {
  /** Multiple of `SAMPLE_MS` at which the first step begins. */
  readonly from: number
}

/** Dependencies of `Histories`. */
export interface HistoryDependencies {
  readonly replicas: OtherReplicas
  readonly bus: ReplicaBus
  readonly readers: HistoryReaders
  readonly log: Logger
}

/**
 * Samples the sources and this process each 10 s and keeps an hour, in memory that does not grow: 50 KiB for each source.
 * A question to any process is answered for all.
 */
export class Histories {
  readonly #readers: HistoryReaders
  readonly #log: Logger
  readonly #questions: ReplicaQuestions<Question, HistoryReport>
  #bySource = new Map<string, SampleRing<typeof sourceColumns>>()
  readonly #process = new SampleRing(processColumns)
  #timer: NodeJS.Timeout | undefined

  constructor({ replicas, bus, readers, log }: HistoryDependencies) {
    this.#readers = readers
    this.#log = log
    this.#questions = new ReplicaQuestions('history', bus, replicas, (question: Question) => this.#report(question))
  }

  /** Memory of the samples in bytes. */
  get bytes(): number {
    return [...this.#bySource.values()].reduce((sum, ring) => sum + ring.byteLength, this.#process.byteLength)
  }

  /** Takes a sample now, and then at each multiple of `SAMPLE_MS`. */
  start(): void {
    this.#trySample()
    this.#plan()
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  /** Takes a sample; one of the same 10 s gives way. The history of a source that is gone ends. */
  sample(now = Date.now()): void {
    const at = Math.floor(now / SAMPLE_MS)
    const bySource = new Map<string, SampleRing<typeof sourceColumns>>()
    for (const [source, values] of this.#readers.sources()) {
      const ring = this.#bySource.get(source) ?? new SampleRing(sourceColumns)
      ring.add(at, values)
      bySource.set(source, ring)
    }
    this.#bySource = bySource
    this.#process.add(at, this.#readers.process())
  }

  /** The last hour of all processes. @throws GatewayError STATE_UNAVAILABLE */
  async report(wish: HistoryWish): Promise<History> {
    const samples = wish.stepMs / SAMPLE_MS
    // Steps begin at multiples of their length, so that the same moment stays in the same step.
    const end = (Math.floor(Date.now() / wish.stepMs) + 1) * samples
    const question = { ...wish, from: end - SAMPLES }
    const here = this.#report(question)
    const { answers, missing } = await this.#questions.ask(question)
    const all = [here, ...answers]
    return {
      ...here,
      sources: wish.sources.map((name, i) => ({
        name,
        series: mergeSeries(
          sourceColumns,
          all.map(({ sources }) => sources[i]!.series),
        ),
      })),
      process: mergeSeries(
        processColumns,
        all.map(({ process }) => process),
      ),
      processes: all.length,
      isPartial: missing > 0,
    }
  }

  #report({ from, stepMs, sources }: Question): HistoryReport {
    const samples = stepMs / SAMPLE_MS
    const steps = SAMPLES / samples
    return {
      startedAt: from * SAMPLE_MS,
      stepMs,
      sources: sources.map((name) => {
        const ring = this.#bySource.get(name) ?? new SampleRing(sourceColumns)
        return { name, series: ring.series(from, steps, samples) }
      }),
      process: this.#process.series(from, steps, samples),
    }
  }

  /** A source that cannot tell its state now costs one sample, not the process. */
  #trySample(): void {
    try {
      this.sample()
    } catch (error) {
      this.#log.warn({ event: 'history', err: error }, 'a sample of the history is missing')
    }
  }

  #plan(): void {
    this.#timer = setTimeout(
      () => {
        this.#trySample()
        this.#plan()
      },
      SAMPLE_MS - (Date.now() % SAMPLE_MS) + LATE_MS,
    )
    this.#timer.unref()
  }
}
