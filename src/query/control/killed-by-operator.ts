import { GatewayError } from '../errors.ts'

const kills = new WeakSet<GatewayError>()

/** The error of a statement that an operator ends, and not its own client. @param operator name of the principal */
export function killedByOperator(operator: string): GatewayError {
  const error = new GatewayError('CANCELLED', `The statement was cancelled by the administrator ${operator}.`)
  kills.add(error)
  return error
}

/** Whether the error is one of `killedByOperator`. */
export function isKill(error: GatewayError): boolean {
  return kills.has(error)
}
