/**
 * Rows under their titles, in columns; empty without rows.
 * @param isText whether a column is aligned left, as texts are, and not right, as numbers are
 */
export function textTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  isText: (column: number) => boolean,
): string {
  if (rows.length === 0) return ''
  const widths = titles.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)))
  return [titles, ...rows]
    .map((row) =>
      row
        .map((cell, column) => (isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
