import type { Frame } from '../../arrow/ipc/frame.ts'
import { GatewayError } from '../../query/errors.ts'
import type { SpanIds } from '../../query/tracing/span.ts'
import type { CallMetadata, Context, Result } from '../../query/types.ts'
import type { RecordedResult } from '../recorded-result.ts'
import { FrameLog } from './frame-log.ts'
import type { MemoryBudget } from './memory-budget.ts'
import { ownFrame, ownFrames } from './own-frames.ts'
import { RunTrace, runContext } from './run-context.ts'
import { type ReadableRun, RunReader } from './run-reader.ts'
import { keepWindow, slowestOf } from './slow-readers.ts'
import type { Spill } from './spill.ts'

/** Why a run was not recorded: its rows are too many, the memory had no room, it failed, or its last reader left before the end. */
export type NotRecorded = 'too-large' | 'no-room' | 'failed' | 'abandoned'

/** Starts the statement of a run. */
export type StartRun = (ctx: Context) => Promise<Result>

/** How a run is recorded. */
export interface Recording {
  /** Up to this size the rows are kept from the first one on, for readers that join and for the recording. */
  readonly maxRecordedBytes: number
  /**
   * Up to this size the rows are read before a reader asks for them, so that a small result frees its slot while its client pauses.
   * By default 0.
   */
  readonly readAheadBytes?: number
  /** Called before `onKept`, with the schema of rows that are kept. */
  onSchema?(schema: Frame, metadata: CallMetadata | undefined): void
  /** Called with rows as soon as they are kept, in their order. They are in memory of their own. */
  onKept?(frames: readonly Frame[]): void
  /**
   * Called once, before a reader sees the end of the rows: with all of them, or as soon as they are no longer recorded with the
   * reason.
   */
  onRecorded?(recorded: RecordedResult | undefined, why: NotRecorded | undefined): void
}

/** Bounds of a run and what it needs. */
export interface RunParts {
  readonly memory: MemoryBudget
  readonly spill: Spill
  /** Memory for rows that the slowest of several readers does not have yet, beyond the recording. */
  readonly maxWindowBytes: number
  /** No reader can join any more. */
  onClosed(): void
}

/** One run of a statement, read by any number of readers at the pace of the fastest. It ends when the last reader has left. */
export class SharedRun implements ReadableRun {
  readonly #recording: Recording
  readonly #parts: RunParts
  readonly #log: FrameLog
  readonly #abort = new AbortController()
  readonly #readers = new Set<RunReader>()
  #hasSlot = false
  /** The statement that began the run; absent if tracing is off. */
  #leader: SpanIds | undefined
  #result: Result | undefined
  #inner: AsyncIterator<readonly Frame[]> | undefined
  #isReading = false
  /** Whether all rows are kept. */
  #isKeeping = true
  #recordedBytes = 0
  #isOpen = true
  #outcome: { readonly error?: unknown } | undefined
  closing: Promise<unknown> | undefined

  constructor(recording: Recording, parts: RunParts) {
    this.#recording = recording
    this.#parts = parts
    this.#log = new FrameLog(parts.memory, parts.spill)
  }

  /** Whether all rows are still kept, so that they will be recorded unless the run fails or grows. */
  get isKeeping(): boolean {
    return this.#isKeeping
  }

  /** Begins the run with its first reader. */
  begin(ctx: Context, start: StartRun): RunReader {
    const reader = this.#add(ctx, false)
    this.#leader = ctx.span
    const trace = new RunTrace({ first: ctx.trace, onSlot: (queueWaitMs) => this.#onSlot(queueWaitMs) })
    void this.#start(() => start(runContext(ctx, this.#abort.signal, trace)))
    return reader
  }

  /** Adds a reader, which gets the rows from the first one on. Only for a run that is open. */
  join(ctx: Context): RunReader {
    const reader = this.#add(ctx, true)
    ctx.span?.link(this.#leader)
    if (this.#hasSlot && ctx.trace) ctx.trace.queueWaitMs = 0
    if (this.#result) reader.onStarted(this.#result)
    return reader
  }

  async pull(reader: RunReader): Promise<IteratorResult<readonly Frame[]>> {
    while (reader.check()) {
      const found = this.#log.at(reader.position)
      if (found) {
        const frames = found instanceof Promise ? await found.catch(toFellBehind) : found
        if (!reader.check()) break
        reader.position++
        this.#trim()
        return this.#counted(reader, frames)
      }
      if (this.#outcome) {
        const { affectedRows } = this.#result!.stats
        reader.stats.affectedRows = affectedRows
        this.leave(reader, undefined)
        if ('error' in this.#outcome) throw this.#outcome.error
        break
      }
      if (!this.#isReading) {
        if (this.isPassingTo(reader)) return await this.passOn(reader)
        void this.#read()
      }
      await reader.untilWoken()
    }
    return { done: true, value: undefined }
  }

  leave(reader: RunReader, reason: unknown): void {
    if (!this.#readers.delete(reader)) return
    reader.detach()
    if (this.#readers.size > 0) {
      this.#trim()
      return
    }
    this.#log.clear()
    if (this.#outcome) return
    this.#outcome = { error: new GatewayError('CANCELLED', 'All readers of the run have left.') }
    this.#close('abandoned')
    this.#abort.abort(reason ?? new GatewayError('CANCELLED', 'The reader left before the end.'))
    this.closing = this.#inner?.return?.()
    this.closing?.catch(() => {})
  }

  #add(ctx: Context, isCollapsed: boolean): RunReader {
    const reader = new RunReader(this, ctx, isCollapsed)
    this.#readers.add(reader)
    return reader
  }

  #onSlot(queueWaitMs: number): void {
    this.#hasSlot = true
    for (const { ctx, isCollapsed, joinedAt } of this.#readers)
      if (ctx.trace) ctx.trace.queueWaitMs = isCollapsed ? Math.max(0, performance.now() - joinedAt) : queueWaitMs
  }

  async #start(start: () => Promise<Result>): Promise<void> {
    try {
      const result = await start()
      const inner = result.frames[Symbol.asyncIterator]()
      this.#inner = inner
      if (this.#outcome) {
        result.schema.release?.()
        await inner.return?.()
        return
      }
      const schema = ownFrame(result.schema)
      this.#result = { ...result, schema }
      if (this.#keepIfRoom(schema.byteLength)) this.#recording.onSchema?.(schema, result.metadata)
      for (const reader of this.#readers) reader.onStarted(this.#result)
      if (this.#readsAhead) void this.#read()
    } catch (error) {
      if (this.#outcome) return
      this.#end({ error })
      for (const reader of [...this.#readers]) {
        reader.fail(error)
        this.leave(reader, error)
      }
    }
  }

  get #readsAhead(): boolean {
    const { readAheadBytes = 0 } = this.#recording
    return this.#isKeeping && this.#outcome === undefined && this.#recordedBytes < readAheadBytes
  }

  /** Reads the next batch into the log, and further ones ahead. */
  async #read(): Promise<void> {
    this.#isReading = true
    try {
      do {
        const next = await this.#inner!.next()
        if (next.done) this.#end({})
        else await this.#take(next.value)
        this.#wakeAll()
      } while (this.#readsAhead)
    } catch (error) {
      this.#end({ error })
    } finally {
      this.#isReading = false
      this.#wakeAll()
    }
  }

  #wakeAll(): void {
    for (const reader of this.#readers) reader.wake()
  }

  async #take(frames: readonly Frame[]): Promise<void> {
    const byteLength = frames.reduce((sum, frame) => sum + frame.byteLength, 0)
    const isKept = this.#outcome === undefined && this.#keepIfRoom(byteLength)
    if (!isKept && this.#readers.size <= 1) {
      // The only reader gets the frames as they are.
      this.#log.add(frames, byteLength, 0)
      if (this.#readers.size === 0) this.#log.clear()
      return
    }
    const isReserved = isKept || this.#log.reserve(byteLength)
    const owned = await ownFrames(frames)
    // If all readers have left meanwhile, the log has been cleared, with what it had reserved.
    if (this.#readers.size === 0) return
    this.#log.add(owned, byteLength, isReserved ? byteLength : 0)
    if (this.#isKeeping) this.#recording.onKept?.(owned)
    else
      await keepWindow(this.#log, this.#parts.maxWindowBytes, {
        all: this.#readers,
        wakeAll: () => this.#wakeAll(),
        endSlow: (slow) => {
          slow.fail(new GatewayError('FELL_BEHIND'))
          this.leave(slow, undefined)
        },
      })
  }

  isPassingTo(reader: RunReader): boolean {
    return (
      !this.#isKeeping &&
      !this.#isReading &&
      this.#outcome === undefined &&
      this.#readers.size === 1 &&
      reader.isReading &&
      reader.position === this.#log.end
    )
  }

  /** Passes the next batch to the only reader, as it is. */
  async passOn(reader: RunReader): Promise<IteratorResult<readonly Frame[]>> {
    this.#isReading = true
    try {
      const next = await this.#inner!.next()
      if (next.done) this.#end({})
      else if (reader.isReading) return this.#counted(reader, next.value)
      else for (const frame of next.value) frame.release?.()
    } catch (error) {
      this.#end({ error })
    } finally {
      this.#isReading = false
    }
    return await this.pull(reader)
  }

  #counted(reader: RunReader, frames: readonly Frame[]): IteratorResult<readonly Frame[]> {
    for (const { rows, byteLength } of frames) {
      reader.stats.rows += Math.max(0, rows)
      reader.stats.bytes += byteLength
    }
    return { done: false, value: frames }
  }

  /** Whether further rows can be kept with those before; if not, the recording ends here. */
  #keepIfRoom(byteLength: number): boolean {
    if (!this.#isKeeping) return false
    this.#recordedBytes += byteLength
    const fits = this.#recordedBytes <= this.#recording.maxRecordedBytes
    if (fits && this.#log.reserve(byteLength)) return true
    this.#close(fits ? 'no-room' : 'too-large')
    this.#trim()
    return false
  }

  /** Drops the batches that no reader needs, unless they are recorded. */
  #trim(): void {
    const slowest = this.#isKeeping ? undefined : slowestOf(this.#readers)
    if (slowest) this.#log.dropBefore(slowest.position)
  }

  #end(outcome: { readonly error?: unknown }): void {
    if (this.#outcome) return
    this.#outcome = outcome
    this.#close('error' in outcome ? 'failed' : undefined)
  }

  /** No reader can join from here on, and the recording is over. @param why undefined if it is complete */
  #close(why: NotRecorded | undefined): void {
    const wasKeeping = this.#isKeeping
    const frames = wasKeeping && why === undefined ? this.#log.frames : undefined
    this.#isKeeping = false
    if (this.#isOpen) this.#parts.onClosed()
    this.#isOpen = false
    if (!wasKeeping) return
    // What the readers have is the recording's alone, so that it is not counted twice.
    this.#trim()
    if (frames) this.#recording.onRecorded?.(this.#recorded(frames), undefined)
    else this.#recording.onRecorded?.(undefined, why)
  }

  #recorded(frames: readonly Frame[]): RecordedResult {
    const { schema, metadata } = this.#result!
    let rows = 0
    for (const frame of frames) rows += Math.max(0, frame.rows)
    return { schema, frames, rows, byteLength: this.#recordedBytes, ...(metadata && { metadata }) }
  }
}

function toFellBehind(cause: unknown): never {
  throw new GatewayError('FELL_BEHIND', undefined, { cause })
}
