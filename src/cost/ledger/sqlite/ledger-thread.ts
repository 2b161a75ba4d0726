import { Worker } from 'node:worker_threads'
import type { LedgerReply, LedgerThreadSetup } from './thread-messages.ts'

const threadFile = new URL(
  import.meta.url.endsWith('.ts') ? './ledger-thread-main.ts' : './ledger-thread-main.js',
  import.meta.url,
)

interface Pending {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** A thread that runs the blocking calls of a ledger, in their order. */
export class LedgerThread {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  readonly #ready = Promise.withResolvers<void>()
  readonly #exited = Promise.withResolvers<void>()
  #lastId = 0
  #fault: Error | undefined
  #isClosing = false

  constructor(setup: LedgerThreadSetup) {
    // Node.js 22 warns of node:sqlite. Flags of the process are not passed on: a thread refuses those of V8.
    const execArgv = ['--disable-warning=ExperimentalWarning']
    this.#worker = new Worker(threadFile, { workerData: setup, execArgv, stdout: false, stderr: false, name: 'ledger' })
    this.#worker.on('message', (reply: LedgerReply) => this.#onReply(reply))
    this.#worker.on('error', (error: Error) => {
      this.#fault = error
    })
    this.#worker.on('exit', () => this.#onExit())
  }

  /** Waits until the file is open. @throws Error if it cannot be opened */
  async opened(): Promise<void> {
    await this.#ready.promise
    this.#letGo()
  }

  /** Calls a method of the ledger on the thread. @throws Error of the method; Error if the thread has ended */
  async call<T>(method: string, ...args: readonly unknown[]): Promise<T> {
    if (this.#fault) throw this.#fault
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#pending.set(id, { resolve, reject })
    // The process waits for calls, not for the thread.
    this.#worker.ref()
    this.#worker.postMessage({ id, method, args })
    return (await promise) as T
  }

  /** Ends the thread after the calls before. */
  async close(): Promise<void> {
    // The process waits for the end of the thread.
    this.#isClosing = true
    await this.call('close').catch(() => {})
    await this.#exited.promise
  }

  #onReply(reply: LedgerReply): void {
    if (reply.kind === 'ready') {
      this.#ready.resolve()
      return
    }
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    this.#letGo()
    if (reply.kind === 'value') pending?.resolve(reply.value)
    else pending?.reject(Object.assign(new Error(reply.message), { code: reply.code }))
  }

  #onExit(): void {
    const error = this.#fault ?? new Error('the thread of the ledger has ended')
    this.#fault = error
    this.#ready.reject(error)
    this.#ready.promise.catch(() => {})
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
    this.#exited.resolve()
  }

  #letGo(): void {
    if (this.#pending.size === 0 && !this.#isClosing) this.#worker.unref()
  }
}
