import { connect, disconnect, execute } from '../native/database.ts'
import type { Address } from '../native/library.ts'

/** Provides connections, each to one request at a time. */
export interface ConnectionProvider {
  /** @throws DuckDbError */
  acquire(): Address
  /** @param isReusable false when the connection's state is unknown */
  release(connection: Address, isReusable: boolean): void
}

/** One connection, which all requests share one after the other, so that each sees the settings of those before. */
export class OwnConnection implements ConnectionProvider {
  readonly #connection: Address

  /** @throws DuckDbError */
  constructor(database: Address) {
    this.#connection = connect(database)
  }

  acquire(): Address {
    return this.#connection
  }

  release(): void {}

  close(): void {
    disconnect(this.#connection)
  }
}

/** A pool of connections, which the main thread opens. The pool reuses a connection if its request ended cleanly. */
export class ConnectionPool implements ConnectionProvider {
  readonly #database: Address
  readonly #setup: string
  readonly #maxIdle: number
  readonly #idle: Address[] = []

  /** @param setup SQL that each new connection runs */
  constructor(database: Address, setup: string, maxIdle: number) {
    this.#database = database
    this.#setup = setup
    this.#maxIdle = maxIdle
  }

  /** Opens connections ahead of use. Each runs one more setup statement. @throws DuckDbError */
  openAhead(count: number, furtherSetup: string): void {
    for (let i = 0; i < count; i++) {
      const connection = connect(this.#database)
      execute(connection, `${this.#setup}; ${furtherSetup}`)
      this.#idle.push(connection)
    }
  }

  /** @throws DuckDbError */
  acquire(): Address {
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle
    const connection = connect(this.#database)
    execute(connection, this.#setup)
    return connection
  }

  /** @param isReusable false when the connection's state is unknown */
  release(connection: Address, isReusable: boolean): void {
    if (isReusable && this.#idle.length < this.#maxIdle) this.#idle.push(connection)
    else disconnect(connection)
  }

  close(): void {
    for (const connection of this.#idle.splice(0)) disconnect(connection)
  }
}
