import { type ColumnPart, readArrowArray, readChildren, releaseArrowArray } from '../native/arrow-array-reader.ts'
import { c } from '../native/c-api.ts'
import type { Address } from '../native/library.ts'
import { chunkSize, chunkVector, destroyChunk, type StreamingResult } from '../native/streaming-result.ts'
import { type ReadChunk, SlotTable, vectorPart } from './chunk-reader.ts'
import { ShortStrings } from './short-strings.ts'

/**
 * How a column gets from DuckDB's vectors to Arrow: copied as it is (`vector`), by our own copying of short strings, or by
 * DuckDB's conversion.
 */
export type ColumnPath = 'vector' | 'shortString' | 'converted'

const shortStrings = new ShortStrings()

/**
 * Reads chunks whose columns take different paths. A string column switches to DuckDB's conversion for good at the first
 * chunk with a longer string.
 * @param initialPaths by column; at least one is not `vector`
 */
export function mixedChunks(
  result: StreamingResult,
  initialPaths: readonly ColumnPath[],
): ReadChunk & { close(): void } {
  const slots = new SlotTable()
  const paths = [...initialPaths]
  let convertedColumns: number[] = []
  let convertedChunk: Address = 0
  const updateConverted = () => {
    destroyChunk(convertedChunk)
    convertedColumns = paths.flatMap((path, i) => (path === 'converted' ? [i] : []))
    convertedChunk = convertedColumns.length === 0 ? 0 : result.createChunk(convertedColumns)
  }
  updateConverted()

  /** Converts the columns on the `converted` path to an ArrowArray. */
  const convert = (handle: Address, rows: number): Address => {
    const slot = slots.acquire()
    try {
      if (convertedColumns.length === paths.length) result.toArrow(handle, slot)
      else {
        c.resetChunk(convertedChunk)
        for (const [i, column] of convertedColumns.entries())
          c.referenceVector(chunkVector(convertedChunk, i), chunkVector(handle, column))
        c.setChunkSize(convertedChunk, rows)
        result.toArrow(convertedChunk, slot)
      }
      return slot
    } catch (error) {
      slots.release(slot)
      throw error
    }
  }

  const read = () => {
    let handle = result.fetch()
    if (handle === 0) return undefined
    const rows = Number(chunkSize(handle))
    const columns: ColumnPart[] = new Array(paths.length)
    let stringParts = 0
    let slot: Address = 0
    const release = () => {
      for (; stringParts > 0; stringParts--) shortStrings.release()
      if (slot !== 0) {
        releaseArrowArray(slot)
        slots.release(slot)
      }
      destroyChunk(handle)
    }
    try {
      let hasLongStrings = false
      for (let i = 0; i < paths.length; i++) {
        if (paths[i] === 'converted') continue
        const vector = chunkVector(handle, i)
        const part = paths[i] === 'vector' ? vectorPart(vector, rows) : shortStrings.read(vector, rows)
        if (!part) {
          paths[i] = 'converted'
          hasLongStrings = true
          continue
        }
        columns[i] = part
        if (paths[i] === 'shortString') stringParts++
      }
      if (hasLongStrings) updateConverted()
      if (convertedColumns.length > 0) {
        slot = convert(handle, rows)
        for (const [n, part] of readChildren(readArrowArray(slot)).entries()) columns[convertedColumns[n]!] = part
      }
      if (convertedColumns.length === paths.length) {
        destroyChunk(handle)
        handle = 0
      }
    } catch (error) {
      release()
      throw error
    }
    return { rows, columns, release }
  }
  const close = () => {
    destroyChunk(convertedChunk)
    shortStrings.trim()
  }
  return Object.assign(read, { close })
}
