import { GatewayError } from '../errors.ts'
import type { Authentication } from './caller-fields.ts'

const tried = new WeakMap<GatewayError, Authentication>()

/** Notes with an error what the refused caller has tried, for the audit log; the first note counts. Returns the error. */
export function refusedLogin<E>(error: E, authentication: Authentication): E {
  if (error instanceof GatewayError && !tried.has(error)) tried.set(error, authentication)
  return error
}

/** What the caller whom the error refused has tried; undefined if nothing was noted. */
export function triedLogin(error: GatewayError): Authentication | undefined {
  return tried.get(error)
}
