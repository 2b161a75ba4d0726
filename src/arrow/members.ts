import { ArrowError } from './errors.ts'

const memberCounts: Readonly<Record<string, number>> = { '+l': 1, '+L': 1, '+m': 1, '+vl': 1, '+vL': 1, '+r': 2 }

/**
 * Checks that a column has as many children as its type must have, and run ends of a type that they may have.
 * @param format of the column, as the Arrow C data interface writes it
 * @throws ArrowError MALFORMED
 */
export function checkMembers(format: string, children: readonly { readonly format: string }[], column: string): void {
  if (format === '+s') return
  const wanted = format.startsWith('+u')
    ? format.split(',').length
    : (memberCounts[format] ?? (format.startsWith('+w:') ? 1 : 0))
  // A union without members has no type ids either, which split gives as one empty text.
  const fits = children.length === wanted || (children.length === 0 && format.endsWith(':') && format.startsWith('+u'))
  const runEnds = format === '+r' ? children[0]?.format : undefined
  if (!fits || (runEnds !== undefined && !'sil'.includes(runEnds)))
    throw new ArrowError('MALFORMED', `The column "${column}" has children that do not fit its type.`)
}
