import { Worker } from 'node:worker_threads'
import type { TableFacts } from '../../../query/billing/source-cost.ts'
import type { Suggestion } from '../suggestion.ts'
import type { AnalysisReply, AnalysisRequest } from './messages.ts'
import { isAnalysable } from './parse-limits.ts'

/** Longest time of one request, in milliseconds; the parser takes about 0.3 ms for a usual statement. */
const REQUEST_MS = 1000
/** Time that the thread has to start, in milliseconds. */
const START_MS = 5000
/** Most requests that wait. */
const MAX_WAITING = 64
/** Time after which an idle thread ends, in milliseconds. */
const IDLE_MS = 60_000
/** Time in which no new thread starts after one has failed, in milliseconds. */
const PAUSE_MS = 1000

const threadFile = new URL(import.meta.url.endsWith('.ts') ? './worker-main.ts' : './worker-main.js', import.meta.url)

interface Job {
  readonly request: AnalysisRequest
  readonly resolve: (reply: AnalysisReply) => void
}

/**
 * The thread that parses statements and runs the rules. It starts with the first request and works on one request at a time. A
 * request that takes too long, or breaks the parser, ends it; the next request starts another one. Nothing here throws: a request
 * without an answer means no advice.
 */
export class AnalysisThread {
  readonly #waiting: Job[] = []
  readonly #requestMs: number
  readonly #startMs: number
  #worker: Worker | undefined
  #isReady = false
  #job: Job | undefined
  #timer: NodeJS.Timeout | undefined
  #pausedUntil = 0
  #isClosed = false
  /** Threads that were started. */
  starts = 0

  /**
   * @param requestMs longest time of one request
   * @param startMs time that the thread has to start and answer the first one
   */
  constructor(requestMs = REQUEST_MS, startMs = START_MS) {
    this.#requestMs = requestMs
    this.#startMs = startMs
  }

  /** The tables that a text names; undefined if the text is too long or too deep, cannot be read, or the thread is busy. */
  async tables(sql: string): Promise<readonly (readonly string[])[] | undefined> {
    if (!isAnalysable(sql)) return undefined
    return (await this.#ask({ kind: 'tables', sql })).tables
  }

  /** What the rules find in a text; empty in the same cases. `now` is in Unix milliseconds. */
  async suggestions(sql: string, facts: ReadonlyMap<string, TableFacts>, now: number): Promise<readonly Suggestion[]> {
    if (!isAnalysable(sql)) return []
    return (await this.#ask({ kind: 'suggestions', sql, facts, now })).suggestions ?? []
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const { resolve } of this.#waiting.splice(0)) resolve({})
    await this.#end({})
  }

  #ask(request: AnalysisRequest): Promise<AnalysisReply> {
    if (this.#isClosed || this.#waiting.length >= MAX_WAITING || (!this.#worker && Date.now() < this.#pausedUntil))
      return Promise.resolve({})
    return new Promise((resolve) => {
      this.#waiting.push({ request, resolve })
      this.#next()
    })
  }

  #next(): void {
    if (this.#job) return
    this.#job = this.#waiting.shift()
    if (!this.#job) {
      this.#rest()
      return
    }
    this.#worker ??= this.#start()
    this.#worker.ref()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#fail(), this.#isReady ? this.#requestMs : this.#startMs)
    this.#worker.postMessage(this.#job.request)
  }

  #start(): Worker {
    this.starts++
    this.#isReady = false
    const worker = new Worker(threadFile, {
      name: 'sql-advice',
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: 128 },
    })
    // The parser prints its panics.
    worker.stdout.resume()
    worker.stderr.resume()
    worker.on('message', (reply: AnalysisReply) => {
      if (this.#worker !== worker) return
      this.#isReady = true
      if (reply.isBroken) {
        this.#fail()
        return
      }
      const job = this.#job
      this.#job = undefined
      job?.resolve(reply)
      this.#next()
    })
    worker.on('error', () => this.#worker === worker && this.#fail())
    worker.on('exit', () => this.#worker === worker && this.#fail())
    return worker
  }

  /** Ends a thread that cannot be used again. */
  #fail(): void {
    this.#pausedUntil = Date.now() + PAUSE_MS
    for (const { resolve } of this.#waiting.splice(0)) resolve({})
    this.#end({}).catch(() => {})
  }

  async #end(reply: AnalysisReply): Promise<void> {
    clearTimeout(this.#timer)
    const worker = this.#worker
    const job = this.#job
    this.#worker = undefined
    this.#job = undefined
    job?.resolve(reply)
    await worker?.terminate()
  }

  /** Keeps an idle thread for a while, without keeping the process alive. */
  #rest(): void {
    clearTimeout(this.#timer)
    this.#worker?.unref()
    this.#timer = setTimeout(() => void this.#end({}), IDLE_MS)
    this.#timer.unref()
  }
}
