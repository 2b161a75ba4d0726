import { BinaryReader } from '@bufbuild/protobuf/wire'
import { GatewayError } from '../../query/errors.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Decodes a protobuf message from a client. Texts of it may reach an engine: one with a NUL would end there for some, and
 * what is no UTF-8 would become another text.
 * @throws GatewayError BAD_REQUEST when the bytes are not such a message, or a text of it is no UTF-8 or holds a NUL
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
  constructor(bytes: Uint8Array) {
    super(bytes, decodeText)
  }

  override string(): string {
    const text = super.string()
    if (text.includes('\0'))
      throw new GatewayError('BAD_REQUEST', 'A text of the request holds a NUL character, which no engine takes.')
    return text
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new GatewayError('BAD_REQUEST', 'A text of the request is not valid UTF-8.', { cause })
  }
}
