/** Least number and size of cookies per server that a user agent supports. Source: RFC 6265, section 6.1. */
const MAX_COOKIES = 50
const MAX_COOKIE_BYTES = 4096
/** Parts of a header that are read: the cookie and its attributes, of which eight are defined. */
const MAX_PARTS = 16
/** Largest header that servers commonly accept. */
const MAX_HEADER_BYTES = 8192
const SEPARATOR = '; '

/**
 * The cookies of one connection. A connection has only one server, so that the only attribute that matters is an immediate
 * expiry. Beyond the bounds above, the oldest cookies are evicted; a cookie that is too large is ignored.
 */
export class Cookies {
  /** In the order in which they were set. */
  readonly #values = new Map<string, string>()
  #headerBytes = 0

  /** Stores the cookies of `set-cookie` headers. */
  store(headers: readonly string[] | undefined): void {
    // More than these would be evicted anyway.
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

  /** The names of the cookies. */
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

/** Size of a cookie in the header, in bytes. */
function sizeOf(name: string, value: string): number {
  return name.length + 1 + value.length + SEPARATOR.length
}

/** Whether an attribute deletes its cookie. Source: RFC 6265, sections 5.2.1 and 5.2.2. */
function endsNow(attribute: string): boolean {
  const [name = '', value = ''] = attribute.split('=', 2).map((part) => part.trim())
  if (name.toLowerCase() === 'max-age') return Number(value) <= 0
  return name.toLowerCase() === 'expires' && Date.parse(value) < Date.now()
}
