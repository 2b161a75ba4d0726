const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB']

/** A number of bytes for people, in decimal units: `41.2 GB`. */
export function bytesInWords(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${units[unit]}`
}

/** An amount of billionths of a dollar for people: `50 USD`, `12.40 USD`, `0.26 USD`, `0.0004 USD`. */
export function nanoUsdInWords(nanoUsd: number): string {
  const usd = nanoUsd / 1e9
  if (Number.isInteger(usd)) return `${usd} USD`
  if (usd >= 0.995) return `${usd.toFixed(2).replace('.00', '')} USD`
  const digits = Math.max(2, 1 - Math.floor(Math.log10(usd)))
  return `${usd.toFixed(Math.min(9, digits)).replace(/(\.\d\d\d*?)0+$/, '$1')} USD`
}
