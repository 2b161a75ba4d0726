import { GatewayError } from '../query/errors.ts'

/**
 * Returns the answer of a call to the shared state, or the fallback while the store is down. For callers that can go on
 * without the store; others pass STATE_UNAVAILABLE on to the client.
 */
export async function unlessDown<T>(call: Promise<T>, fallback: T): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'STATE_UNAVAILABLE') return fallback
    throw error
  }
}
