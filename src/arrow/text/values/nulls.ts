import { type Cell, type CellStyle, sink } from '../text-sink.ts'

/** A cell of nulls: in CSV an empty field. */
export function nullCell({ format }: CellStyle): Cell {
  if (format === 'csv') return (_, at) => at
  return (_, at) => {
    const { bytes } = sink
    bytes[at] = 110
    bytes[at + 1] = 117
    bytes[at + 2] = 108
    bytes[at + 3] = 108
    return at + 4
  }
}
