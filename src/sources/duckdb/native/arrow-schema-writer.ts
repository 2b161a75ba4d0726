import type { Field } from '../../../arrow/schema.ts'
import type { Arena } from './arena.ts'
import { type Address, addressOf, releaseNothing } from './library.ts'

const ARROW_SCHEMA_BYTES = 72
const FLAG_ORDERED = 1n
const FLAG_NULLABLE = 2n

/**
 * Writes an ArrowSchema. Its release callback does nothing: the arena owns the memory.
 * @returns its address
 * Source: https://arrow.apache.org/docs/format/CDataInterface.html#structure-definitions.
 */
export function writeArrowSchema(field: Field, arena: Arena): Address {
  const words = arena.allocate(ARROW_SCHEMA_BYTES)
  const children = field.children.map((child) => writeArrowSchema(child, arena))
  words[0] = BigInt(arena.text(field.format))
  words[1] = BigInt(arena.text(field.name))
  words[2] = BigInt(writeMetadata(field.metadata, arena))
  words[3] = (field.nullable ? FLAG_NULLABLE : 0n) | (field.ordered ? FLAG_ORDERED : 0n)
  words[4] = BigInt(children.length)
  words[5] = BigInt(arena.list(children))
  words[6] = BigInt(field.dictionary ? writeArrowSchema(field.dictionary, arena) : 0)
  words[7] = releaseNothing
  return addressOf(words)
}

function writeMetadata(metadata: Field['metadata'], arena: Arena): Address {
  if (metadata.length === 0) return 0
  const int = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(value)
    return bytes
  }
  const texts = metadata.flatMap((pair) => pair.map((text) => Buffer.from(text)))
  return arena.keep(Buffer.concat([int(metadata.length), ...texts.flatMap((text) => [int(text.length), text])]))
}
