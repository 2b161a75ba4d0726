import { type RecordBatch, RecordBatchStreamWriter, type Schema, Table } from 'apache-arrow'
import { type Frame, frameOf } from '../../../src/arrow/ipc/frame.ts'
import { readHeader } from '../../../src/arrow/ipc/header.ts'
import { readStream } from '../../../src/arrow/ipc/ipc.ts'

/** The frames of an IPC stream; the first one is the schema. */
export function framesOfStream(stream: Uint8Array, release?: () => void): Frame[] {
  return [...readStream(stream)].map(({ header, body }) => {
    const { kind, rows } = readHeader(header)
    return frameOf(header, body, kind === 'batch' ? rows : 0, release)
  })
}

/** The frames of a table of apache-arrow. */
export function framesOfTable(table: Table, release?: () => void): Frame[] {
  return framesOfStream(RecordBatchStreamWriter.writeAll(table).toUint8Array(true), release)
}

/** The frames of batches of apache-arrow. */
export function framesOfBatches(schema: Schema, batches: RecordBatch[], release?: () => void): Frame[] {
  return framesOfTable(new Table(schema, batches), release)
}
