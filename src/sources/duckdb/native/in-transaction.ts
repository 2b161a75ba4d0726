import { execute } from './database.ts'
import type { Address } from './library.ts'

/** How a piece of work ended. */
export interface Outcome {
  readonly error: unknown
  readonly broken: boolean
  readonly affectedRows: number
}

/**
 * Runs `work` in a read-only transaction, whatever the statement turns out to do.
 * @returns whether the transaction could not be ended, so that the connection must be given up
 */
export function readOnly(connection: Address, work: () => void): { error: unknown; broken: boolean } {
  let error: unknown
  let broken = false
  try {
    execute(connection, 'BEGIN TRANSACTION READ ONLY')
    work()
  } catch (thrown) {
    error = thrown
  }
  try {
    execute(connection, 'ROLLBACK')
  } catch {
    broken = true
  }
  return { error, broken }
}

/** Several rows change all or nothing. */
export function inTransaction(connection: Address, work: () => number): Outcome {
  try {
    execute(connection, 'BEGIN TRANSACTION')
    const affectedRows = work()
    execute(connection, 'COMMIT')
    return { error: undefined, broken: false, affectedRows }
  } catch (error) {
    let broken = false
    try {
      execute(connection, 'ROLLBACK')
    } catch {
      // A commit that failed has ended the transaction itself; an interrupt that hit the rollback has left it open.
      broken = true
    }
    return { error, broken, affectedRows: -1 }
  }
}
