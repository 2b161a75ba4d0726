import type { CacheControl } from '../../query/cache/cache-control.ts'
import { GatewayError } from '../../query/errors.ts'

/** What a client asks of the result cache by directives of `cache-control`. */
export type CacheDirectives = Pick<
  CacheControl,
  'noCache' | 'noStore' | 'maxAgeMs' | 'minFreshMs' | 'maxStaleMs' | 'onlyIfCached'
>

/** Longest text of directives, in characters. */
export const MAX_DIRECTIVES_CHARACTERS = 1000

/** Longer times count as this, in seconds. Source: RFC 9111, section 1.2.2. */
const MAX_SECONDS = 2 ** 31

/** Members of a list; a comma in quotes does not separate. */
const members = /(?:"(?:[^"\\]|\\.)*"?|[^,"])+/g
/** A directive and its argument. Source: RFC 9111, section 5.2; RFC 9110, section 5.6. */
const directive = /^([!#$%&'*+.^_`|~\w-]+)(?:=(?:([!#$%&'*+.^_`|~\w-]+)|"((?:[^"\\]|\\.)*)"))?$/

/**
 * Reads the directives of a request. Unknown ones are ignored. If a directive is given more than once, for example by a client
 * and a proxy, the stricter one counts.
 * Source: RFC 9111, section 5.2.1 (https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1).
 * @param where names the text in errors, such as `The header cache-control`
 * @returns undefined if the text has no directive that is known
 * @throws GatewayError BAD_REQUEST
 */
export function cacheDirectivesOf(text: string, where: string): CacheDirectives | undefined {
  if (text.length > MAX_DIRECTIVES_CHARACTERS)
    throw new GatewayError('BAD_REQUEST', `${where} is above ${MAX_DIRECTIVES_CHARACTERS} characters.`)
  const found: { -readonly [K in keyof CacheDirectives]: CacheDirectives[K] } = {}
  for (const member of text.match(members) ?? []) {
    const trimmed = member.trim()
    if (trimmed === '') continue
    const [, name, token, quoted] = directive.exec(trimmed) ?? []
    if (name === undefined)
      throw new GatewayError(
        'BAD_REQUEST',
        `${where} must be directives separated by commas, such as max-age=60; "${trimmed.slice(0, 100)}" is none.`,
      )
    const argument = token ?? quoted
    const seconds = () => msOf(argument, name, where)
    switch (name.toLowerCase()) {
      case 'no-cache':
        found.noCache = true
        break
      case 'no-store':
        found.noStore = true
        break
      case 'only-if-cached':
        found.onlyIfCached = true
        break
      case 'max-age':
        found.maxAgeMs = Math.min(found.maxAgeMs ?? Number.POSITIVE_INFINITY, seconds())
        break
      case 'min-fresh':
        found.minFreshMs = Math.max(found.minFreshMs ?? 0, seconds())
        break
      case 'max-stale':
        found.maxStaleMs = Math.min(
          found.maxStaleMs ?? Number.MAX_SAFE_INTEGER,
          argument === undefined ? Number.MAX_SAFE_INTEGER : seconds(),
        )
        break
    }
  }
  return Object.keys(found).length > 0 ? found : undefined
}

/** The directives as a client writes them; empty if there are none. */
export function cacheDirectivesText(control: CacheDirectives): string {
  const { noCache, noStore, maxAgeMs, minFreshMs, maxStaleMs, onlyIfCached } = control
  const any = maxStaleMs === Number.MAX_SAFE_INTEGER
  return [
    noCache && 'no-cache',
    noStore && 'no-store',
    maxAgeMs !== undefined && `max-age=${secondsOf(maxAgeMs)}`,
    minFreshMs !== undefined && `min-fresh=${secondsOf(minFreshMs)}`,
    maxStaleMs !== undefined && (any ? 'max-stale' : `max-stale=${secondsOf(maxStaleMs)}`),
    onlyIfCached && 'only-if-cached',
  ]
    .filter((each) => each)
    .join(', ')
}

function msOf(argument: string | undefined, name: string, where: string): number {
  if (argument === undefined || !/^\d+$/.test(argument))
    throw new GatewayError('BAD_REQUEST', `${where}: ${name} needs a whole number of seconds, such as ${name}=60.`)
  return Math.min(Number(argument), MAX_SECONDS) * 1000
}

function secondsOf(ms: number): number {
  return Math.floor(ms / 1000)
}
