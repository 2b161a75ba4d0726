/** Whether the process accepts new work; notifies listeners of each change. */
export class ProcessReadiness {
  #ready = false
  #wasReady = false
  readonly #listeners = new Set<() => void>()

  get ready(): boolean {
    return this.#ready
  }

  /** Why the process does not accept new work; undefined if it does. */
  get obstacle(): 'starting' | 'draining' | undefined {
    if (this.#ready) return undefined
    return this.#wasReady ? 'draining' : 'starting'
  }

  set(ready: boolean): void {
    if (ready === this.#ready) return
    this.#wasReady ||= this.#ready
    this.#ready = ready
    for (const listener of this.#listeners) listener()
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
