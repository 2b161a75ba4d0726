import { GatewayError } from '../query/errors.ts'

/** Why the gateway could not start: a line for the operator that begins with the setting at fault. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** Creates a StartError about a setting, with the operator's part of an error's message. */
export function startError(setting: string, thrown: unknown): StartError {
  return new StartError(`${setting}: ${words(thrown)}`, { cause: thrown })
}

const listening: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there already',
  EACCES: 'the process may not listen there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
}

function words(thrown: unknown): string {
  const code = (thrown as { code?: unknown }).code
  const known = typeof code === 'string' ? listening[code] : undefined
  if (known !== undefined) return `${known} (${code})`
  // The message for clients omits the engine's words about files, which the operator needs: use the cause.
  const error = thrown instanceof GatewayError && thrown.cause instanceof Error ? thrown.cause : thrown
  return error instanceof Error ? error.message.split('\n')[0]! : String(error)
}
