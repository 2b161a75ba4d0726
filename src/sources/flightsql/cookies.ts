/** The cookies of one connection, which only ever talks to one server; of the attributes only an end at once counts. */
export class Cookies {
  readonly #values = new Map<string, string>()

  /** Takes `set-cookie` headers. */
  take(headers: readonly string[] | undefined): void {
    for (const header of headers ?? []) {
      const [pair = '', ...attributes] = header.split(';')
      const at = pair.indexOf('=')
      if (at <= 0) continue
      const name = pair.slice(0, at).trim()
      if (attributes.some(endsNow)) this.#values.delete(name)
      else this.#values.set(name, pair.slice(at + 1).trim())
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

/** Whether an attribute takes its cookie back. Source: RFC 6265, sections 5.2.1 and 5.2.2. */
function endsNow(attribute: string): boolean {
  const [name = '', value = ''] = attribute.split('=').map((part) => part.trim())
  if (name.toLowerCase() === 'max-age') return Number(value) <= 0
  return name.toLowerCase() === 'expires' && Date.parse(value) < Date.now()
}
