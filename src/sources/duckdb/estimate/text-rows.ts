import { type Address, addressOf, memcpy, readWord } from '../native/library.ts'
import { PreparedStatement } from '../native/prepared-statement.ts'
import { chunkSize, chunkVector, destroyChunk, vectorData, vectorValidity } from '../native/streaming-result.ts'

/** Size of a `duckdb_string_t`: 4 bytes of length, then up to 12 bytes of text, or 4 bytes of prefix and an address. */
const STRING_BYTES = 16
const MAX_INLINED_BYTES = 12

/**
 * Runs a short statement whose columns are all VARCHAR, and reads its rows; null for NULL. For a few rows: each value costs
 * several native calls.
 * @param bind binds the statement's parameters
 * @throws DuckDbError
 */
export function textRows(connection: Address, sql: string, bind?: (statement: Address) => void): (string | null)[][] {
  const statement = new PreparedStatement(connection, sql)
  try {
    bind?.(statement.handle)
    const result = statement.execute()
    try {
      const rows: (string | null)[][] = []
      const columns = result.columnTypes().length
      for (let chunk = result.fetch(); chunk !== 0; chunk = result.fetch()) {
        try {
          const readers = Array.from({ length: columns }, (_, i) => textReader(chunkVector(chunk, i)))
          for (let row = 0; row < chunkSize(chunk); row++) rows.push(readers.map((read) => read(row)))
        } finally {
          destroyChunk(chunk)
        }
      }
      return rows
    } finally {
      result.close()
    }
  } finally {
    statement.close()
  }
}

function textReader(vector: Address): (row: number) => string | null {
  const data = vectorData(vector)
  const validity = vectorValidity(vector)
  return (row) => (validity !== 0 && !isValid(validity, row) ? null : textAt(data + STRING_BYTES * row))
}

const validityWord = new Uint8Array(8)

function isValid(validity: Address, row: number): boolean {
  memcpy(addressOf(validityWord), validity + 8 * Math.floor(row / 64), 8)
  return (validityWord[(row % 64) >> 3]! & (1 << (row % 8))) !== 0
}

const lengthWord = new Uint32Array(1)
/** Owned by the module, since native code writes to it, and optimized code would drop a local variable meanwhile. */
let textBytes = new Uint8Array(4096)

function textAt(at: Address): string {
  memcpy(addressOf(lengthWord), at, 4)
  const length = lengthWord[0]!
  if (length === 0) return ''
  if (length > textBytes.byteLength) textBytes = new Uint8Array(length)
  memcpy(addressOf(textBytes), length <= MAX_INLINED_BYTES ? at + 4 : readWord(at + 8), length)
  return Buffer.from(textBytes.buffer, 0, length).toString('utf8')
}
