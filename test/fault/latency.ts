import { readFileSync } from 'node:fs'
import { expect } from 'vitest'

/** Longest allowed work of the event loop while another client waits. */
const MAX_LOOP_MS = 2000
/** Longest allowed latency of another client. A machine that is busy may take seconds for any call. */
const MAX_WAIT_MS = 20_000
/** Unit of the times in /proc: USER_HZ is 100 on each platform of the tests. */
const TICK_MS = 10

/**
 * The latency of a client of a process that is under attack. What counts is the time that the event loop has worked meanwhile:
 * the clock also counts the time in which the machine was busy with something else.
 */
export class Latency {
  readonly #pid: number
  #loopMs = 0
  #waitMs = 0

  constructor(pid: number) {
    this.#pid = pid
  }

  /** Makes a call of the client. */
  async of<T>(call: () => Promise<T>): Promise<T> {
    const [startedAt, workedMs] = [performance.now(), this.#workedMs()]
    const result = await call()
    this.#loopMs = Math.max(this.#loopMs, this.#workedMs() - workedMs)
    this.#waitMs = Math.max(this.#waitMs, performance.now() - startedAt)
    return result
  }

  /** Expects that no call has waited for long. */
  expectShort(): void {
    expect(this.#loopMs).toBeLessThan(MAX_LOOP_MS)
    expect(this.#waitMs).toBeLessThan(MAX_WAIT_MS)
  }

  /** Processor time of the main thread so far, whose id is that of the process. */
  #workedMs(): number {
    const stat = readFileSync(`/proc/${this.#pid}/task/${this.#pid}/stat`, 'utf8')
    // The name of the thread, in brackets, may contain spaces. After it: state, ten numbers, user time, system time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  }
}
