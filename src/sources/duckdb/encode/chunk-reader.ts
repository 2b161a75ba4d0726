import {
  ARROW_ARRAY_BYTES,
  type ColumnPart,
  readArrowArray,
  readChildren,
  releaseArrowArray,
} from '../native/arrow-array-reader.ts'
import { type Address, addressOf } from '../native/library.ts'
import {
  chunkSize,
  chunkVector,
  destroyChunk,
  type StreamingResult,
  vectorData,
  vectorValidity,
} from '../native/streaming-result.ts'

/** A chunk: up to 2048 rows of a result in native memory, valid until released. */
export interface Chunk {
  readonly rows: number
  readonly columns: readonly ColumnPart[]
  release(): void
}

/** Reads the next chunk of a result; undefined at the end. */
export type ReadChunk = () => Chunk | undefined

/** Reads chunks whose vectors have Arrow's layout, without a copy. @param first the first chunk, already fetched; 0 for none */
export function vectorChunks(result: StreamingResult, columnCount: number, first: Address): ReadChunk {
  let next = first
  return () => {
    const handle = next === 0 ? result.fetch() : next
    next = 0
    if (handle === 0) return undefined
    const rows = Number(chunkSize(handle))
    const columns = Array.from({ length: columnCount }, (_, i) => vectorPart(chunkVector(handle, i), rows))
    return { rows, columns, release: () => destroyChunk(handle) }
  }
}

/** A column of a chunk whose vector has Arrow's layout. */
export function vectorPart(vector: Address, rows: number): ColumnPart {
  const validity = vectorValidity(vector)
  return {
    rows,
    offset: 0,
    nulls: validity === 0 ? 0 : -1,
    buffer0: validity,
    buffer1: vectorData(vector),
    buffer2: 0,
    children: 0,
    childCount: 0,
    dictionary: 0,
  }
}

/** Reads chunks that DuckDB converts to Arrow. */
export function arrowChunks(result: StreamingResult): ReadChunk {
  const slots = new SlotTable()
  return () => {
    const handle = result.fetch()
    if (handle === 0) return undefined
    const slot = slots.acquire()
    try {
      result.toArrow(handle, slot)
    } catch (error) {
      slots.release(slot)
      throw error
    } finally {
      destroyChunk(handle)
    }
    const root = readArrowArray(slot)
    return {
      rows: root.rows,
      columns: readChildren(root),
      release: () => {
        releaseArrowArray(slot)
        slots.release(slot)
      },
    }
  }
}

const SLOTS_PER_BLOCK = 64

/** A pool of memory for ArrowArray structs. */
export class SlotTable {
  readonly #blocks: Uint8Array[] = []
  readonly #free: Address[] = []

  acquire(): Address {
    const free = this.#free.pop()
    if (free !== undefined) return free
    const block = new Uint8Array(ARROW_ARRAY_BYTES * SLOTS_PER_BLOCK)
    this.#blocks.push(block)
    const base = addressOf(block)
    for (let i = 1; i < SLOTS_PER_BLOCK; i++) this.#free.push(base + i * ARROW_ARRAY_BYTES)
    return base
  }

  release(slot: Address): void {
    this.#free.push(slot)
  }
}
