import { GatewayError } from '../query/errors.ts'

/**
 * For users of the shared state that can do without it: what a call answers, or the fallback while the store is down. A user
 * that cannot lets STATE_UNAVAILABLE go to its client.
 */
export async function unlessDown<T>(call: Promise<T>, fallback: T): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'STATE_UNAVAILABLE') return fallback
    throw error
  }
}
