import { execute } from './database.ts'
import type { Address } from './library.ts'

/** The outcome of a request. */
export interface Outcome {
  readonly error: unknown
  readonly isConnectionBroken: boolean
  readonly affectedRows: number
}

/**
 * Runs `work` in a read-only transaction, so that no statement can change anything.
 * @returns the error, if any; whether ROLLBACK failed, so that the connection must be closed
 */
export function inReadOnlyTransaction(
  connection: Address,
  work: () => void,
): { error: unknown; isConnectionBroken: boolean } {
  let error: unknown
  let isConnectionBroken = false
  try {
    execute(connection, 'BEGIN TRANSACTION READ ONLY')
    work()
  } catch (thrown) {
    error = thrown
  }
  try {
    execute(connection, 'ROLLBACK')
  } catch {
    isConnectionBroken = true
  }
  return { error, isConnectionBroken }
}

/** Runs `work` in a transaction, so that a change of several rows takes effect as a whole or not at all. */
export function inTransaction(connection: Address, work: () => number): Outcome {
  try {
    execute(connection, 'BEGIN TRANSACTION')
    const affectedRows = work()
    execute(connection, 'COMMIT')
    return { error: undefined, isConnectionBroken: false, affectedRows }
  } catch (error) {
    let isConnectionBroken = false
    try {
      execute(connection, 'ROLLBACK')
    } catch {
      // A failed COMMIT has ended the transaction itself; an interrupted ROLLBACK has left it open. Both look the same here.
      isConnectionBroken = true
    }
    return { error, isConnectionBroken, affectedRows: -1 }
  }
}
