import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '../wait-for.ts'

/**
 * Statements that block in DuckDB until the test releases them. They read a named pipe that has a writer and no data;
 * during a read DuckDB ignores interrupts. They block while DuckDB binds the columns (`plan`) or while it runs (`run`).
 */
export class StuckStatements {
  readonly #folder = mkdtempSync(join(tmpdir(), 'flightgate-stuck-'))
  readonly #pipe = join(this.#folder, 'pipe.csv')
  #writer: number | undefined

  constructor() {
    execFileSync('mkfifo', [this.#pipe])
    this.#writer = openSync(this.#pipe, constants.O_RDWR | constants.O_NONBLOCK)
  }

  /** The `init` statement that allows a source to read the pipe. */
  get init(): string {
    return `SET allowed_paths = ['${this.#pipe}']`
  }

  /** A statement that blocks during planning. @param i makes the text unique */
  plan(i: number): string {
    return `SELECT ${i}, * FROM read_csv('${this.#pipe}')`
  }

  /** A statement that can be planned, and blocks when it runs. */
  get run(): string {
    return `SELECT * FROM read_csv('${this.#pipe}', columns = {'c': 'VARCHAR'}, auto_detect = false, header = false)`
  }

  /** Waits until `expected` statements are stuck in a process, by default this one. */
  async count(expected: number, pid = process.pid): Promise<void> {
    await waitFor(() => this.#readers(pid) === expected, `${expected} statements are stuck`)
  }

  /** Ends the stuck statements; later statements no longer block. */
  release(): void {
    if (this.#writer === undefined) return
    unlinkSync(this.#pipe)
    closeSync(this.#writer)
    this.#writer = undefined
    rmSync(this.#folder, { recursive: true })
  }

  /** Number of descriptors of the pipe in a process, without the writer's. */
  #readers(pid: number): number {
    const folder = `/proc/${pid}/fd`
    const isPipe = (descriptor: string) => {
      try {
        return readlinkSync(`${folder}/${descriptor}`) === this.#pipe
      } catch {
        // The descriptor has just been closed.
        return false
      }
    }
    const isWriter = pid === process.pid && this.#writer !== undefined
    return readdirSync(folder).filter(isPipe).length - (isWriter ? 1 : 0)
  }
}
