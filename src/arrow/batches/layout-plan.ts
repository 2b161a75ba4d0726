import { ArrowError } from '../errors.ts'
import type { Field } from '../schema.ts'
import type { TextForm } from '../text/text-forms.ts'

/**
 * Memory layout of a schema node, computed once per result. These kinds are DuckDB's and never sent: `boolBytes` (1 byte each),
 * `narrowDecimal` (below 128 bits), `huge` and `unsignedHuge` (128-bit integers, sent as decimals), `rendered` (sent as text),
 * `decoded` (indices, sent as the texts of their dictionary), `members` (a sparse union, sent as a struct).
 */
export interface LayoutPlan {
  readonly kind:
    | 'null'
    | 'fixed'
    | 'bool'
    | 'boolBytes'
    | 'narrowDecimal'
    | 'huge'
    | 'unsignedHuge'
    | 'rendered'
    | 'decoded'
    | 'members'
    | 'text'
    | 'view'
    | 'list'
    | 'listView'
    | 'runEnds'
    | 'struct'
    | 'fixedList'
    | 'sparseUnion'
    | 'denseUnion'
  /** Bytes of a value or an offset, or items of a fixed-size list; 0 for `rendered` values with 32-bit offsets. */
  readonly width: number
  readonly children: readonly LayoutPlan[]
  readonly dictionary?: LayoutPlan
  /** Type id of each child of a dense union. */
  readonly typeIds?: readonly number[]
  /** Text form of a `rendered` value. */
  readonly form?: TextForm
}

const fixedWidths: Readonly<Record<string, number>> = {
  c: 1,
  C: 1,
  s: 2,
  S: 2,
  i: 4,
  I: 4,
  l: 8,
  L: 8,
  e: 2,
  f: 4,
  g: 8,
  tdD: 4,
  tdm: 8,
  tts: 4,
  ttm: 4,
  ttu: 8,
  ttn: 8,
  tiM: 4,
  tiD: 8,
  tin: 16,
}
const shapes: Readonly<Record<string, readonly [LayoutPlan['kind'], number]>> = {
  n: ['null', 0],
  b: ['bool', 0],
  u: ['text', 4],
  z: ['text', 4],
  U: ['text', 8],
  Z: ['text', 8],
  vu: ['view', 16],
  vz: ['view', 16],
  '+l': ['list', 4],
  '+m': ['list', 4],
  '+L': ['list', 8],
  '+vl': ['listView', 4],
  '+vL': ['listView', 8],
  '+r': ['runEnds', 0],
  '+s': ['struct', 0],
}

/**
 * Computes the plan of a field.
 * @throws ArrowError UNSUPPORTED for an unsupported type
 */
export function layoutPlan(field: Field): LayoutPlan {
  const children = field.children.map(layoutPlan)
  if (field.dictionary)
    return { kind: 'fixed', width: fixedWidth(field), children, dictionary: layoutPlan(field.dictionary) }
  const shape = shapes[field.format]
  if (shape) return { kind: shape[0], width: shape[1], children }
  if (field.format.startsWith('+w:')) return { kind: 'fixedList', width: Number(field.format.slice(3)), children }
  if (field.format.startsWith('+us:')) return { kind: 'sparseUnion', width: 1, children }
  if (field.format.startsWith('+ud:'))
    return { kind: 'denseUnion', width: 1, children, typeIds: field.format.slice(4).split(',').map(Number) }
  return { kind: 'fixed', width: fixedWidth(field), children }
}

/** Bytes of a value of a fixed-width type. @throws ArrowError UNSUPPORTED */
function fixedWidth({ format, name }: Field): number {
  const width = fixedWidths[format]
  if (width !== undefined) return width
  if (format.startsWith('ts') || format.startsWith('tD')) return 8
  if (format.startsWith('w:')) return Number(format.slice(2))
  if (format.startsWith('d:')) return Number(format.split(',')[2] ?? 128) / 8
  throw new ArrowError('UNSUPPORTED', `The column "${name}" has the Arrow type ${format}, which cannot be sent.`)
}
