/** What a browser keeps of one server at least. Source: RFC 6265, section 6.1. */
const MAX_COOKIES = 50
const MAX_COOKIE_BYTES = 4096
/** A cookie and its attributes, of which there are eight. */
const MAX_PARTS = 16
/** What servers take as one header. */
const MAX_HEADER_BYTES = 8192
const SEPARATOR = '; '

/**
 * The cookies of one connection, which only ever talks to one server; of the attributes only an end at once counts. There are so
 * many as a server takes back: beyond that those leave that were set longest ago, and one that is too large is not kept.
 */
export class Cookies {
  /** The one that was set last stands last. */
  readonly #values = new Map<string, string>()
  #headerBytes = 0

  /** Takes `set-cookie` headers. */
  take(headers: readonly string[] | undefined): void {
    // No more can stay, and each takes time.
    for (const header of headers?.slice(-MAX_COOKIES) ?? []) {
      const [pair = '', ...attributes] = header.split(';', MAX_PARTS)
      const at = pair.indexOf('=')
      if (at <= 0) continue
      const name = pair.slice(0, at).trim()
      this.#delete(name)
      if (!attributes.some(endsNow)) this.#add(name, pair.slice(at + 1).trim())
    }
  }

  /** The `cookie` header; undefined when there are none. */
  header(): string | undefined {
    if (this.#values.size === 0) return undefined
    return [...this.#values].map(([name, value]) => `${name}=${value}`).join(SEPARATOR)
  }

  /** Their names. */
  get names(): readonly string[] {
    return [...this.#values.keys()]
  }

  clear(): void {
    this.#values.clear()
    this.#headerBytes = 0
  }

  #add(name: string, value: string): void {
    const bytes = sizeOf(name, value)
    if (bytes > MAX_COOKIE_BYTES) return
    this.#values.set(name, value)
    this.#headerBytes += bytes
    for (const [oldest] of this.#values) {
      if (this.#values.size <= MAX_COOKIES && this.#headerBytes <= MAX_HEADER_BYTES) return
      this.#delete(oldest)
    }
  }

  #delete(name: string): void {
    const value = this.#values.get(name)
    if (value === undefined) return
    this.#values.delete(name)
    this.#headerBytes -= sizeOf(name, value)
  }
}

/** What a cookie takes of the header. */
function sizeOf(name: string, value: string): number {
  return name.length + 1 + value.length + SEPARATOR.length
}

/** Whether an attribute takes its cookie back. Source: RFC 6265, sections 5.2.1 and 5.2.2. */
function endsNow(attribute: string): boolean {
  const [name = '', value = ''] = attribute.split('=', 2).map((part) => part.trim())
  if (name.toLowerCase() === 'max-age') return Number(value) <= 0
  return name.toLowerCase() === 'expires' && Date.parse(value) < Date.now()
}
