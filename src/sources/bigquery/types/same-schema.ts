import type { Field } from '../../../arrow/schema.ts'

/**
 * Tells whether record batches of one schema can be sent under another unchanged: the columns have the same types in the same
 * order. Names, nullability, metadata and the precision of decimals may differ, since they change no byte of a batch.
 * @param announced the schema that clients get
 * @param sent the schema of the batches
 * @returns the first difference, for logs; undefined if the batches fit
 */
export function schemaDifference(announced: Field, sent: Field): string | undefined {
  if (announced.children.length !== sent.children.length)
    return `${sent.children.length} columns instead of ${announced.children.length}`
  for (const [i, expected] of announced.children.entries()) {
    const actual = sent.children[i]!
    if (!areAlike(expected, actual)) return `column ${i + 1} is ${typeText(actual)} instead of ${typeText(expected)}`
  }
  return undefined
}

function areAlike(a: Field, b: Field): boolean {
  if (a.dictionary || b.dictionary || a.children.length !== b.children.length) return false
  if (a.format !== b.format && (!isDecimal(a) || layoutOf(a) !== layoutOf(b))) return false
  return a.children.every((child, i) => areAlike(child, b.children[i]!))
}

const isDecimal = ({ format }: Field) => format.startsWith('d:')

/** Scale and width of a decimal, which decide what its bytes mean. */
function layoutOf(field: Field): string | undefined {
  if (!isDecimal(field)) return undefined
  const [, scale, bits = '128'] = field.format.slice(2).split(',')
  return `${scale},${bits}`
}

function typeText({ format, children, dictionary }: Field): string {
  const name = dictionary ? `a dictionary (${format})` : format
  return children.length > 0 ? `${name}<${children.map(typeText).join(' ')}>` : name
}
