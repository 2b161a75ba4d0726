/** One entry of an `accept` or `accept-encoding` header. */
interface Entry {
  readonly value: string
  /** Quality from 0 to 1; 0 forbids the value. */
  readonly q: number
}

/**
 * The qualities of a header, in the client's order. Malformed qualities count as 1.
 * Source: RFC 9110, section 12.4.2.
 */
function entriesOf(header: string): Entry[] {
  return header
    .toLowerCase()
    .split(',')
    .map((part) => {
      const [value = '', ...parameters] = part.split(';').map((each) => each.trim())
      const q = parameters.find((each) => each.startsWith('q='))?.slice(2)
      const quality = q === undefined ? 1 : Number(q)
      return { value, q: quality >= 0 && quality <= 1 ? quality : 1 }
    })
    .filter(({ value }) => value !== '')
}

/**
 * Returns the media type that an `accept` header prefers; among equals the one offered first. Undefined if it accepts none.
 * @param offered media types without parameters
 */
export function acceptedType<T extends string>(header: string | undefined, offered: readonly T[]): T | undefined {
  const entries = entriesOf(header ?? '*/*')
  if (entries.length === 0) return offered[0]
  // The most specific range decides about a type.
  const qualityOf = (type: string) =>
    [type, `${type.slice(0, type.indexOf('/'))}/*`, '*/*']
      .map((range) => entries.find(({ value }) => value === range)?.q)
      .find((q) => q !== undefined) ?? 0
  return best(offered, qualityOf)
}

/**
 * Returns the encoding that an `accept-encoding` header prefers; among equals the one offered first. Undefined for none, which
 * every client takes (RFC 9110, section 12.5.3), unless it forbids that.
 */
export function acceptedEncoding<T extends string>(header: string | undefined, offered: readonly T[]): T | undefined {
  if (header === undefined) return undefined
  const entries = entriesOf(header)
  const rest = entries.find(({ value }) => value === '*')?.q ?? 0
  const found = best(offered, (encoding) => entries.find(({ value }) => value === encoding)?.q ?? rest)
  const identity = entries.find(({ value }) => value === 'identity')?.q
  if (found === undefined || identity === undefined) return found
  return (entries.find(({ value }) => value === found)?.q ?? rest) >= identity ? found : undefined
}

function best<T extends string>(offered: readonly T[], qualityOf: (value: T) => number): T | undefined {
  let found: T | undefined
  let highest = 0
  for (const each of offered) {
    const q = qualityOf(each)
    if (q > highest) {
      found = each
      highest = q
    }
  }
  return found
}
