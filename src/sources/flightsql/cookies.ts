/** The cookies of one connection; attributes are not looked at, since it only ever talks to one server. */
export class Cookies {
  readonly #values = new Map<string, string>()

  /** Takes `set-cookie` headers. */
  take(headers: readonly string[] | undefined): void {
    for (const header of headers ?? []) {
      const [pair = ''] = header.split(';')
      const at = pair.indexOf('=')
      if (at > 0) this.#values.set(pair.slice(0, at).trim(), pair.slice(at + 1).trim())
    }
  }

  /** The `cookie` header; undefined when there are none. */
  header(): string | undefined {
    if (this.#values.size === 0) return undefined
    return [...this.#values].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Their names. */
  get names(): readonly string[] {
    return [...this.#values.keys()]
  }

  clear(): void {
    this.#values.clear()
  }
}
