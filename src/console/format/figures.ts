const counts = new Intl.NumberFormat('en')
const dollars = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })
const smallDollars = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 })
const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** What stands where a figure is not known. */
export const UNKNOWN = '–'

/** A count with separators: `12,345`. */
export function formatCount(count: number | null | undefined): string {
  return count === null || count === undefined ? UNKNOWN : counts.format(count)
}

/** A number of rows: `1 row`, `12,345 rows`. */
export function formatRows(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'row' : 'rows'}`
}

/** Bytes in a binary unit with three digits: `1.21 MiB`. */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return UNKNOWN
  let value = bytes
  let unit = 0
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toPrecision(value >= 999.5 ? 4 : 3)} ${units[unit]}`
}

/** US dollars: cents from a cent on, else two significant digits. */
export function formatUsd(usd: number | null | undefined): string {
  if (usd === null || usd === undefined) return UNKNOWN
  if (usd === 0) return '$0'
  return usd >= 0.01 ? `$${dollars.format(usd)}` : `$${smallDollars.format(usd)}`
}

/** A duration: `850 ms`, `12.3 s`, `3 min 05 s`, `2 h 03 min`. */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return UNKNOWN
  if (ms < 9.95) return `${Number(ms.toFixed(1))} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  const two = (value: number) => String(value).padStart(2, '0')
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`
}
