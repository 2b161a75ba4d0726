const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']

/** A number of bytes for people, in units of 1000, with two or three significant digits: `41.2 GB`. */
export function bytesInWords(bytes: number, digits: 2 | 3 = 3): string {
  let [value, unit] = [bytes, 0]
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1]
  return `${value >= 100 || unit === 0 ? Math.round(value) : Number(value.toPrecision(digits))} ${units[unit]}`
}

/** An amount of billionths of a dollar for people, as `usdInWords`. */
export function nanoUsdInWords(nanoUsd: number): string {
  return usdInWords(nanoUsd / 1e9)
}

/** An amount of US dollars for people: `50 USD`, `12.40 USD`, `0.26 USD`, `0.0004 USD`. */
export function usdInWords(usd: number): string {
  if (Number.isInteger(usd)) return `${usd} USD`
  if (usd >= 0.995) return `${usd.toFixed(2).replace('.00', '')} USD`
  const digits = Math.max(2, 1 - Math.floor(Math.log10(usd)))
  return `${usd.toFixed(Math.min(9, digits)).replace(/(\.\d\d\d*?)0+$/, '$1')} USD`
}
