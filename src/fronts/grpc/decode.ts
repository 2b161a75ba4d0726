import { GatewayError } from '../../query/errors.ts'

/**
 * Decodes a protobuf message from a client.
 * @throws GatewayError BAD_REQUEST when the bytes are not such a message
 */
export function decodeMessage<T>(codec: { decode(bytes: Uint8Array): T }, bytes: Uint8Array): T {
  try {
    return codec.decode(bytes)
  } catch (cause) {
    throw new GatewayError('BAD_REQUEST', 'The request is not a valid protobuf message of this method.', { cause })
  }
}
