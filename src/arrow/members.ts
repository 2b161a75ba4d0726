import { ArrowError } from './errors.ts'

const memberCounts: Readonly<Record<string, number>> = { '+l': 1, '+L': 1, '+m': 1, '+vl': 1, '+vL': 1, '+r': 2 }

/**
 * Checks that a column has the number of children that its type requires, and that run ends have an allowed type.
 * @param format format string of the Arrow C data interface
 * @throws ArrowError MALFORMED
 */
export function checkMembers(format: string, children: readonly { readonly format: string }[], column: string): void {
  if (format === '+s') return
  const wanted = format.startsWith('+u')
    ? format.split(',').length
    : (memberCounts[format] ?? (format.startsWith('+w:') ? 1 : 0))
  // A union without members has no type ids: `split` returns one empty string for it.
  const fits = children.length === wanted || (children.length === 0 && format.endsWith(':') && format.startsWith('+u'))
  const runEnds = format === '+r' ? children[0]?.format : undefined
  if (!fits || (runEnds !== undefined && !'sil'.includes(runEnds)))
    throw new ArrowError('MALFORMED', `The column "${column}" has children that do not fit its type.`)
}
