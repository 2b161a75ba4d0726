import { BinaryReader } from '@bufbuild/protobuf/wire'
import { GatewayError } from '../../query/errors.ts'

/**
 * Numbers that a message may have: tags, lengths and values. Decoding cannot be interrupted and takes up to 0.2 µs for each, and
 * an object of 150 bytes and more for a message within it that takes two bytes.
 */
const MAX_NUMBERS = 100_000

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Decodes a protobuf message from a client and checks its strings, since they may reach an engine. Some engines end a string at
 * a NUL, and invalid UTF-8 would turn into a different string.
 * @throws GatewayError BAD_REQUEST when the bytes are not such a message, or a string is not valid UTF-8 or contains a NUL; TOO_LARGE
 *   when it has more than about 50,000 fields
 */
export function decodeMessage<T>(codec: { decode(reader: BinaryReader): T }, bytes: Uint8Array): T {
  try {
    return codec.decode(new StrictReader(bytes))
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError('BAD_REQUEST', 'The request is not a valid protobuf message of this method.', { cause })
  }
}

class StrictReader extends BinaryReader {
  #numbersLeft = MAX_NUMBERS

  constructor(bytes: Uint8Array) {
    super(bytes, decodeText)
    // Each number takes a byte at least: a shorter message cannot have too many, and is decoded without counting.
    if (bytes.byteLength > MAX_NUMBERS) this.#countNumbers()
  }

  #countNumbers(): void {
    // Each tag, each length and each packed value is read by this function, which is a member of the reader itself.
    const read = this.uint32
    this.uint32 = () => {
      if (--this.#numbersLeft < 0)
        throw new GatewayError(
          'TOO_LARGE',
          `The message has too many fields: at most about ${MAX_NUMBERS / 2} are decoded.`,
        )
      return read.call(this)
    }
  }

  override string(): string {
    const text = super.string()
    if (text.includes('\0'))
      throw new GatewayError(
        'BAD_REQUEST',
        'A string of the request contains a NUL character, which engines do not accept.',
      )
    return text
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new GatewayError('BAD_REQUEST', 'A string of the request is not valid UTF-8.', { cause })
  }
}
