/** The rows of CSV without a header, as the encoder writes it; null (an empty field without quotes) is undefined. */
export function* readCsvRows(text: string, columns: number): Generator<(string | undefined)[]> {
  let row: (string | undefined)[] = []
  for (let at = 0; at < text.length; ) {
    if (columns === 0) {
      yield []
      at = text.indexOf('\n', at) + 1
      continue
    }
    const [field, end] = text[at] === '"' ? quotedField(text, at) : plainField(text, at)
    row.push(field)
    // A comma, or CR and LF.
    at = end + (row.length < columns ? 1 : 2)
    if (row.length < columns) continue
    yield row
    row = []
  }
}

function plainField(text: string, from: number): [field: string | undefined, end: number] {
  let end = from
  while (end < text.length && text[end] !== ',' && text[end] !== '\r') end++
  return [end > from ? text.slice(from, end) : undefined, end]
}

function quotedField(text: string, from: number): [field: string, end: number] {
  let end = from + 1
  for (;;) {
    end = text.indexOf('"', end)
    if (text[end + 1] !== '"') break
    end += 2
  }
  return [text.slice(from + 1, end).replaceAll('""', '"'), end + 1]
}
