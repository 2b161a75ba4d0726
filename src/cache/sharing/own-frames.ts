import type { Frame } from '../../arrow/ipc/frame.ts'
import { LoopTurn } from '../../async/loop-turn.ts'

/** Bytes that are copied between two looks at the clock. */
const PIECE_BYTES = 1 << 20

/**
 * Copies frames into memory of their own, which any number of readers may send at the same time, and releases the originals.
 * A frame without `release` has such memory already and is not copied. Copies of large frames yield to the event loop.
 */
export async function ownFrames(frames: readonly Frame[]): Promise<readonly Frame[]> {
  const owned: Frame[] = []
  try {
    for (const frame of frames) owned.push(frame.release ? await copyOf(frame) : frame)
  } finally {
    for (const frame of frames) frame.release?.()
  }
  return owned
}

/** As `ownFrames`, of a small frame such as a schema. */
export function ownFrame(frame: Frame): Frame {
  const { chunks, byteLength, rows, release } = frame
  if (!release) return frame
  const bytes = Buffer.allocUnsafeSlow(byteLength)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  release()
  return { chunks: [bytes], byteLength, rows }
}

async function copyOf({ chunks, byteLength, rows }: Frame): Promise<Frame> {
  const bytes = Buffer.allocUnsafeSlow(byteLength)
  const turn = new LoopTurn(1)
  let at = 0
  let copied = 0
  for (const chunk of chunks)
    for (let from = 0; from < chunk.byteLength; from += PIECE_BYTES) {
      const piece = chunk.byteLength > PIECE_BYTES ? chunk.subarray(from, from + PIECE_BYTES) : chunk
      bytes.set(piece, at)
      at += piece.byteLength
      copied += piece.byteLength
      if (copied < PIECE_BYTES || at === byteLength) continue
      copied = 0
      const pause = turn.next()
      if (pause) await pause
    }
  return { chunks: [bytes], byteLength, rows }
}
