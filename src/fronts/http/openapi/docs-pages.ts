import { LRUCache } from 'lru-cache'
import { exampleOrigin } from './curl-example.ts'

/** Number of addresses whose pages are kept: readers come by a few. */
const MAX_KEPT = 8

/** The page of the documentation with the address by which its reader has reached it, so that its commands work as they stand. */
export class DocsPages {
  readonly #template: string
  readonly #unchanged: Buffer
  readonly #pages = new LRUCache<string, Buffer>({ max: MAX_KEPT })

  /** @param template a page that names `exampleOrigin` */
  constructor(template: string) {
    this.#template = template
    this.#unchanged = Buffer.from(template)
  }

  /** The page for an origin such as `https://gateway:8080`, as UTF-8; with the example's address if it is not well-formed. */
  of(origin: string): Buffer {
    if (!/^https?:\/\/[\w.:[\]-]{1,255}$/.test(origin)) return this.#unchanged
    const known = this.#pages.get(origin)
    if (known) return known
    const page = Buffer.from(this.#template.replace(exampleOrigin, origin))
    this.#pages.set(origin, page)
    return page
  }
}
