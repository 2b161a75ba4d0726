import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '../wait-for.ts'

/**
 * Statements in which DuckDB is stuck until the test releases them. They read a named pipe that has a writer and no data,
 * and DuckDB looks at no interrupt during a read: as long as it binds the columns (`plan`), or as it runs (`run`).
 */
export class StuckStatements {
  readonly #folder = mkdtempSync(join(tmpdir(), 'flightgate-stuck-'))
  readonly #pipe = join(this.#folder, 'pipe.csv')
  #writer: number | undefined

  constructor() {
    execFileSync('mkfifo', [this.#pipe])
    this.#writer = openSync(this.#pipe, constants.O_RDWR | constants.O_NONBLOCK)
  }

  /** What a source's `init` must have for its statements to read the pipe. */
  get init(): string {
    return `SET allowed_paths = ['${this.#pipe}']`
  }

  /** A statement that is stuck when it is planned. @param i tells statements apart */
  plan(i: number): string {
    return `SELECT ${i}, * FROM read_csv('${this.#pipe}')`
  }

  /** A statement that is planned and then stuck when it runs. */
  get run(): string {
    return `SELECT * FROM read_csv('${this.#pipe}', columns = {'c': 'VARCHAR'}, auto_detect = false, header = false)`
  }

  /** Waits until so many statements are stuck in a process, by default this one. */
  async count(expected: number, pid = process.pid): Promise<void> {
    await waitFor(() => this.#readers(pid) === expected, `${expected} statements are stuck`)
  }

  /** Ends what is stuck, and whatever reads the pipe from now on. */
  release(): void {
    if (this.#writer === undefined) return
    unlinkSync(this.#pipe)
    closeSync(this.#writer)
    this.#writer = undefined
    rmSync(this.#folder, { recursive: true })
  }

  /** Descriptors of the pipe in a process, beside the writer's. */
  #readers(pid: number): number {
    const folder = `/proc/${pid}/fd`
    const isPipe = (descriptor: string) => {
      try {
        return readlinkSync(`${folder}/${descriptor}`) === this.#pipe
      } catch {
        // It has just been closed.
        return false
      }
    }
    const isWriter = pid === process.pid && this.#writer !== undefined
    return readdirSync(folder).filter(isPipe).length - (isWriter ? 1 : 0)
  }
}
