import { type ColumnPart, readArrowArray, readChildren, releaseArrowArray } from '../native/arrow-array-reader.ts'
import { c } from '../native/c-api.ts'
import type { Address } from '../native/library.ts'
import { chunkSize, chunkVector, destroyChunk, type StreamingResult } from '../native/streaming-result.ts'
import { type ReadChunk, SlotTable, vectorPart } from './chunk-reader.ts'
import { ShortStrings } from './short-strings.ts'

/**
 * How a column gets from DuckDB's vectors to Arrow: as it lies there, by our own copying of short texts, or through DuckDB's
 * conversion.
 */
export type ColumnPath = 'vector' | 'shortText' | 'converted'

const texts = new ShortStrings()

/**
 * Reads chunks whose columns go different ways. A column of texts leaves the way of the short ones for good with the first
 * chunk that has a longer one.
 * @param ways by column; at least one is not `vector`
 */
export function mixedChunks(result: StreamingResult, ways: readonly ColumnPath[]): ReadChunk & { close(): void } {
  const slots = new SlotTable()
  const way = [...ways]
  let converted: number[] = []
  let rest: Address = 0
  const chooseConverted = () => {
    destroyChunk(rest)
    converted = way.flatMap((each, i) => (each === 'converted' ? [i] : []))
    rest = converted.length === 0 ? 0 : result.createChunk(converted)
  }
  chooseConverted()

  /** An ArrowArray of the columns that DuckDB converts. */
  const convert = (handle: Address, rows: number): Address => {
    const slot = slots.take()
    try {
      if (converted.length === way.length) result.toArrow(handle, slot)
      else {
        c.resetChunk(rest)
        for (const [i, column] of converted.entries())
          c.referenceVector(chunkVector(rest, i), chunkVector(handle, column))
        c.setChunkSize(rest, rows)
        result.toArrow(rest, slot)
      }
      return slot
    } catch (error) {
      slots.give(slot)
      throw error
    }
  }

  const read = () => {
    let handle = result.fetch()
    if (handle === 0) return undefined
    const rows = Number(chunkSize(handle))
    const columns: ColumnPart[] = new Array(way.length)
    let textParts = 0
    let slot: Address = 0
    const release = () => {
      for (; textParts > 0; textParts--) texts.giveBack()
      if (slot !== 0) {
        releaseArrowArray(slot)
        slots.give(slot)
      }
      destroyChunk(handle)
    }
    try {
      let longTexts = false
      for (let i = 0; i < way.length; i++) {
        if (way[i] === 'converted') continue
        const vector = chunkVector(handle, i)
        const part = way[i] === 'vector' ? vectorPart(vector, rows) : texts.read(vector, rows)
        if (!part) {
          way[i] = 'converted'
          longTexts = true
          continue
        }
        columns[i] = part
        if (way[i] === 'shortText') textParts++
      }
      if (longTexts) chooseConverted()
      if (converted.length > 0) {
        slot = convert(handle, rows)
        for (const [n, part] of readChildren(readArrowArray(slot)).entries()) columns[converted[n]!] = part
      }
      if (converted.length === way.length) {
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
    destroyChunk(rest)
    texts.trim()
  }
  return Object.assign(read, { close })
}
