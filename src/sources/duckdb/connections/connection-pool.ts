import { connect, disconnect, execute } from '../native/database.ts'
import type { Address } from '../native/library.ts'

/** Lends connections, each to one statement at a time. */
export interface Lender {
  /** @throws DuckDbError */
  take(): Address
  /** @param reusable false when the connection's state is unknown */
  give(connection: Address, reusable: boolean): void
}

/** Connections that the main thread opens. A connection is used again if its statement ended cleanly. */
export class ConnectionPool implements Lender {
  readonly #database: Address
  readonly #setup: string
  readonly #maxIdle: number
  readonly #idle: Address[] = []

  /** @param setup run on each new connection */
  constructor(database: Address, setup: string, maxIdle: number) {
    this.#database = database
    this.#setup = setup
    this.#maxIdle = maxIdle
  }

  /** Opens connections ahead of use, each set up by one more statement. @throws DuckDbError */
  openAhead(count: number, furtherSetup: string): void {
    for (let i = 0; i < count; i++) {
      const connection = connect(this.#database)
      execute(connection, `${this.#setup}; ${furtherSetup}`)
      this.#idle.push(connection)
    }
  }

  /** @throws DuckDbError */
  take(): Address {
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle
    const connection = connect(this.#database)
    execute(connection, this.#setup)
    return connection
  }

  /** @param reusable false when the connection's state is unknown */
  give(connection: Address, reusable: boolean): void {
    if (reusable && this.#idle.length < this.#maxIdle) this.#idle.push(connection)
    else disconnect(connection)
  }

  close(): void {
    for (const connection of this.#idle.splice(0)) disconnect(connection)
  }
}
