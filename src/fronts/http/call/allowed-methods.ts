import type { FastifyInstance } from 'fastify'

/** The methods of each route, so that a request with another one is told which exist: Fastify only says that it found nothing. */
export class AllowedMethods {
  readonly #routes: { readonly pattern: RegExp; readonly methods: Set<string> }[] = []
  readonly #byUrl = new Map<string, Set<string>>()

  /** Watches the routes that are added from now on. */
  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ url, method }) => {
      // The answers to preflight requests (CORS) are no route of their own.
      if (url.includes('*')) return
      const methods = this.#byUrl.get(url) ?? this.#add(url)
      for (const each of [method].flat()) methods.add(each)
    })
  }

  /** The methods of the route that a path belongs to; empty if there is none. */
  of(path: string): readonly string[] {
    return [...(this.#routes.find(({ pattern }) => pattern.test(path))?.methods ?? [])].sort()
  }

  #add(url: string): Set<string> {
    const methods = new Set<string>()
    // Parameters stand for one part of the path, as `/queries/:id`.
    const source = url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')
    this.#routes.push({ pattern: new RegExp(`^${source}$`), methods })
    this.#byUrl.set(url, methods)
    return methods
  }
}
