/** Whether the process accepts new work; notifies listeners of each change. */
export class ProcessReadiness {
  #ready = false
  readonly #listeners = new Set<() => void>()

  get ready(): boolean {
    return this.#ready
  }

  set(ready: boolean): void {
    if (ready === this.#ready) return
    this.#ready = ready
    for (const listener of this.#listeners) listener()
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
