const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

const TIB = 2 ** 40

/** Bytes for people, in units of 1000 with the exact number beside: `41.2 GB (41,234,567,890 bytes)`. Whole TiB stay TiB. */
export function bytesText(bytes: number): string {
  if (bytes === 1) return '1 byte'
  if (bytes < 1000) return `${bytes} bytes`
  if (bytes % TIB === 0) return `${bytes / TIB} TiB`
  return `${shortBytes(bytes)} (${countText(bytes)} bytes)`
}

/** Bytes with three digits, in units of 1000: `41.2 GB`. */
export function shortBytes(bytes: number): string {
  let [value, unit] = [bytes, 0]
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1]
  return `${Number(value.toPrecision(3))} ${units[unit]}`
}

/** A whole number with thousands apart. */
export function countText(count: number): string {
  return count.toLocaleString('en-US')
}

/** Dollars for people: to the cent from 10 cents on, with two significant digits below, down to the billionth. */
export function dollarsText(usd: number): string {
  if (usd === 0) return '0 USD'
  if (usd >= 0.095) return `${usd.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })} USD`
  return `${usd.toLocaleString('en-US', { maximumSignificantDigits: 2, maximumFractionDigits: 9 })} USD`
}
