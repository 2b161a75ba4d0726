import type { Field } from '../schema.ts'
import { type BufferBytes, bufferBytes, malformed } from './batch-reader.ts'
import type { Binding } from './binding.ts'
import { type ExtensionText, extensionNameOf, extensionText } from './extension-text.ts'
import { type Cell, type CellStyle, writeAscii } from './text-sink.ts'
import { writeBase64 } from './values/base64.ts'
import { writeCsvText, writeJsonText } from './values/texts.ts'

const VIEW_BYTES = 16
const INLINE_BYTES = 12

/** Writes a value in bytes `from` to `to`. @returns the position after it */
type WriteBytes = (data: BufferBytes, from: number, to: number, at: number) => number

/** A cell of texts or bytes of any layout; undefined for other types. */
export function binaryCell(field: Field, { batch, style, column }: Binding, rows: number): Cell | undefined {
  const { format } = field
  const write = writerOf(field, style)
  switch (format) {
    case 'u':
    case 'z':
    case 'U':
    case 'Z': {
      const offsets = batch.offsets(rows, format === 'u' || format === 'z' ? 4 : 8)
      const data = batch.data(0)
      if (format === 'u') return textCell(data, offsets, style)
      return (row, at) => write(data, offsets[row]!, offsets[row + 1]!, at)
    }
    case 'vu':
    case 'vz': {
      const words = batch.words((VIEW_BYTES / 4) * rows)
      const views = bufferBytes(new Uint8Array(words.buffer, words.byteOffset, words.byteLength))
      const data = batch.viewData()
      return (row, at) => {
        const length = words[4 * row]!
        const inline = VIEW_BYTES * row + 4
        if (length >= 0 && length <= INLINE_BYTES) return write(views, inline, inline + length, at)
        const buffer = data[words[4 * row + 2]!]
        if (!buffer) throw malformed(`A view of the column "${column}" is out of bounds.`)
        const from = words[4 * row + 3]!
        return write(buffer, from, from + length, at)
      }
    }
  }
  if (!format.startsWith('w:')) return undefined
  const width = Number(format.slice(2))
  const data = batch.data(width * rows)
  return (row, at) => write(data, width * row, width * (row + 1), at)
}

/** As the other cells, but with direct calls, for the most frequent type. */
function textCell(data: BufferBytes, offsets: ArrayLike<number>, { format }: CellStyle): Cell {
  if (format === 'csv') return (row, at) => writeCsvText(data, offsets[row]!, offsets[row + 1]!, at)
  return (row, at) => writeJsonText(data, offsets[row]!, offsets[row + 1]!, at)
}

function writerOf({ format, metadata }: Field, style: CellStyle): WriteBytes {
  const isJson = style.format === 'json'
  if (/^(u|U|vu)$/.test(format)) return isJson ? writeJsonText : writeCsvText
  const ofExtension = extensionText(extensionNameOf(new Map(metadata)))
  if (ofExtension) return extensionWriter(ofExtension, style)
  return (data, from, to, at) => writeBase64(data, from, to, at, isJson)
}

function extensionWriter({ text, isNumber }: ExtensionText, { format, numbers }: CellStyle): WriteBytes {
  return ({ bytes: data }, from, to, at) => {
    if (!(from >= 0 && from <= to && to <= data.length))
      throw malformed('A value of the record batch is out of bounds.')
    const value = text(data.subarray(from, to))
    if (format === 'csv') return writeAscii(value || '""', at)
    return writeAscii(value, at, !isNumber || numbers === 'text' || !Number.isSafeInteger(Number(value)))
  }
}
