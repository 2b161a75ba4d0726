import type { Error as ErrorMessage } from '../../../../gen/flightgate/v1/gateway_service.ts'
import { type GatewayError, GrpcStatus } from '../../../query/errors.ts'

/** Limit of the text of an error: a batch may have many of them. */
const MAX_MESSAGE_CHARACTERS = 3000

/** The message of an error of one statement of a batch. */
export function errorMessage({ code, message, retryable, grpc }: GatewayError): ErrorMessage {
  const text = message.length > MAX_MESSAGE_CHARACTERS ? `${message.slice(0, MAX_MESSAGE_CHARACTERS)}...` : message
  return { code, message: text, retryable, grpcStatus: GrpcStatus[grpc] }
}
