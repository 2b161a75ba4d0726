import { LoopTurn } from '../../async/loop-turn.ts'
import { FieldReader } from './field-reader.ts'
import type { Frame } from './frame.ts'
import type { IpcMessage } from './ipc.ts'

const FIELD_HEADER = 2
const FIELD_BODY = 1000
/** Alignment of the largest values that are read as numbers. Source: Columnar.html, "Buffer Alignment and Padding". */
const ALIGNMENT = 8
const none = new Uint8Array(0)

/** A message whose body starts at a multiple of 8 bytes. */
export interface AlignedMessage extends IpcMessage {
  /** Whether the body is a copy, which stays valid when the frame is released. */
  readonly isCopy: boolean
}

/**
 * Reads header and body of a frame. The body is a view if it is aligned and in one chunk, else a copy; yields to the event loop
 * while it copies.
 * @throws ArrowError MALFORMED
 */
export async function readAligned({ chunks, byteLength }: Frame): Promise<AlignedMessage> {
  const fields = new FieldReader(chunks, byteLength)
  let header: Uint8Array = none
  let bodyAt = 0
  let bodyLength = 0
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === FIELD_HEADER) {
      header = fields.take()
      continue
    }
    if (field === FIELD_BODY) {
      bodyAt = byteLength - fields.left
      bodyLength = fields.length
    }
    fields.skip()
  }
  const view = viewOf(chunks, bodyAt, bodyLength)
  if (view) return { header, body: view, isCopy: false }
  return { header, body: await copyOf(chunks, bodyAt, bodyLength), isCopy: true }
}

function viewOf(chunks: readonly Uint8Array[], from: number, length: number): Uint8Array | undefined {
  if (length === 0) return none
  let at = from
  for (const chunk of chunks) {
    if (at < chunk.length) {
      const isUsable = at + length <= chunk.length && (chunk.byteOffset + at) % ALIGNMENT === 0
      return isUsable ? chunk.subarray(at, at + length) : undefined
    }
    at -= chunk.length
  }
  return undefined
}

async function copyOf(chunks: readonly Uint8Array[], from: number, length: number): Promise<Uint8Array> {
  const turn = new LoopTurn(1)
  const body = new Uint8Array(length)
  let skip = from
  let at = 0
  for (const chunk of chunks) {
    const part = chunk.subarray(skip, skip + length - at)
    skip = Math.max(0, skip - chunk.length)
    if (part.length === 0) continue
    const pause = turn.next()
    if (pause) await pause
    body.set(part, at)
    at += part.length
  }
  return body
}
