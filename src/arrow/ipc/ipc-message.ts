import { FieldReader } from './field-reader.ts'
import type { Frame } from './frame.ts'
import { encapsulate } from './ipc.ts'

const FIELD_HEADER = 2
const FIELD_BODY = 1000
const padding = new Uint8Array(8)

/**
 * The message of a frame as an IPC stream has it: header with its prefix, body, padding. The body's chunks are views of the
 * frame. Empty if the frame carries only application metadata.
 * Source: https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format.
 * @throws ArrowError MALFORMED
 */
export function ipcMessage({ chunks, byteLength }: Frame): readonly Uint8Array[] {
  const fields = new FieldReader(chunks, byteLength)
  let header: Uint8Array | undefined
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
  if (header === undefined || header.byteLength === 0) return []
  const pad = -bodyLength & 7
  return [encapsulate(header), ...views(chunks, bodyAt, bodyLength), ...(pad > 0 ? [padding.subarray(0, pad)] : [])]
}

function views(chunks: readonly Uint8Array[], from: number, length: number): Uint8Array[] {
  const found: Uint8Array[] = []
  let skip = from
  let left = length
  for (const chunk of chunks) {
    const part = chunk.subarray(skip, skip + left)
    skip = Math.max(0, skip - chunk.byteLength)
    left -= part.byteLength
    if (part.byteLength > 0) found.push(part)
  }
  return found
}
