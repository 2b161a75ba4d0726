import type { BatchLayout } from '../batches/batch.ts'
import { ArrowError } from '../errors.ts'
import { FlatTable } from './flat-table.ts'
import { MessageHeader } from './message-builder.ts'

/** Summary of an IPC message, from its header alone. */
export interface MessageInfo {
  readonly kind: 'schema' | 'dictionary' | 'batch'
  /** Rows of a batch, values of a dictionary, 0 for a schema. */
  readonly rows: number
  /** Bytes of the body. */
  readonly bodyLength: number
}

const kinds: Readonly<Record<number, MessageInfo['kind']>> = {
  [MessageHeader.schema]: 'schema',
  [MessageHeader.dictionaryBatch]: 'dictionary',
  [MessageHeader.recordBatch]: 'batch',
}

/**
 * Reads the header of a message.
 * @throws ArrowError when it is not an Arrow message
 */
export function readHeader(message: Uint8Array): MessageInfo {
  const root = FlatTable.root(message)
  const kind = kinds[root.uint8(1)]
  const header = root.table(2)
  if (!kind || !header) throw new ArrowError('MALFORMED', 'The message is neither schema, dictionary nor record batch.')
  const batch = kind === 'dictionary' ? header.table(1) : header
  return { kind, rows: kind === 'schema' ? 0 : (batch?.size(0) ?? 0), bodyLength: root.size(3) }
}

/** Number of columns of a schema, from its message. @throws ArrowError */
export function readColumnCount(message: Uint8Array): number {
  return FlatTable.root(message).table(2)?.countOf(1) ?? 0
}

/** Metadata version of a message, as numbered in Schema.fbs: 4 is V5, from Arrow 1.0. @throws ArrowError */
export function metadataVersionOf(message: Uint8Array): number {
  return FlatTable.root(message).int16(0)
}

/**
 * Reads the layout of a record batch.
 * @throws ArrowError MALFORMED, also when a buffer exceeds the body; UNSUPPORTED when the batch is compressed
 */
export function readBatchLayout(message: Uint8Array): BatchLayout {
  const { layout, codec } = readCompressedLayout(message)
  if (codec !== undefined) throw compressed()
  return layout
}

/**
 * As `readBatchLayout`, but also for compressed batches; `codec` is undefined if the batch is not compressed.
 * @throws ArrowError MALFORMED
 */
export function readCompressedLayout(message: Uint8Array): { readonly layout: BatchLayout; readonly codec?: number } {
  const root = FlatTable.root(message)
  const batch = root.uint8(1) === MessageHeader.recordBatch ? root.table(2) : undefined
  if (!batch) throw new ArrowError('MALFORMED', 'The message holds no record batch.')
  const compression = batch.table(3)
  const layout = layoutOf(batch, root)
  return compression ? { layout, codec: compression.uint8(0) } : { layout }
}

/** The fields of a dictionary batch. */
export interface DictionaryLayout {
  readonly id: number
  /** Whether the values are appended to the earlier ones. */
  readonly isDelta: boolean
  readonly layout: BatchLayout
}

/**
 * Reads the layout of a dictionary batch.
 * @throws ArrowError as `readBatchLayout`
 */
export function readDictionaryLayout(message: Uint8Array): DictionaryLayout {
  const { codec, ...dictionary } = readCompressedDictionary(message)
  if (codec !== undefined) throw compressed()
  return dictionary
}

/**
 * As `readDictionaryLayout`, but also for compressed batches; `codec` is undefined if the batch is not compressed.
 * @throws ArrowError MALFORMED
 */
export function readCompressedDictionary(message: Uint8Array): DictionaryLayout & { readonly codec?: number } {
  const root = FlatTable.root(message)
  const header = root.uint8(1) === MessageHeader.dictionaryBatch ? root.table(2) : undefined
  const batch = header?.table(1)
  if (!header || !batch) throw new ArrowError('MALFORMED', 'The message holds no dictionary batch.')
  const compression = batch.table(3)
  const dictionary = { id: header.size(0), isDelta: header.uint8(2) !== 0, layout: layoutOf(batch, root) }
  return compression ? { ...dictionary, codec: compression.uint8(0) } : dictionary
}

function compressed(): ArrowError {
  return new ArrowError('UNSUPPORTED', 'Compressed record batches are not supported here.')
}

function layoutOf(batch: FlatTable, root: FlatTable): BatchLayout {
  const variadicCounts = batch.sizes(4)
  const layout = {
    rows: batch.size(0),
    nodes: batch.pairs(1),
    buffers: batch.pairs(2),
    bodyLength: root.size(3),
    ...(variadicCounts.length > 0 && { variadicCounts }),
  }
  for (let i = 0; i < layout.buffers.length; i += 2)
    if (layout.buffers[i]! + layout.buffers[i + 1]! > layout.bodyLength)
      throw new ArrowError('MALFORMED', 'A buffer of the record batch exceeds its body.')
  return layout
}
