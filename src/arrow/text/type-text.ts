import type { Field } from '../schema.ts'
import { extensionNameOf } from './extension-text.ts'

const simple: Readonly<Record<string, string>> = {
  n: 'null',
  b: 'bool',
  c: 'int8',
  C: 'uint8',
  s: 'int16',
  S: 'uint16',
  i: 'int32',
  I: 'uint32',
  l: 'int64',
  L: 'uint64',
  e: 'halffloat',
  f: 'float',
  g: 'double',
  u: 'string',
  U: 'large_string',
  vu: 'string_view',
  z: 'binary',
  Z: 'large_binary',
  vz: 'binary_view',
  tdD: 'date32[day]',
  tdm: 'date64[ms]',
  tts: 'time32[s]',
  ttm: 'time32[ms]',
  ttu: 'time64[us]',
  ttn: 'time64[ns]',
  tiM: 'month_interval',
  tiD: 'day_time_interval',
  tin: 'month_day_nano_interval',
}
const units: Readonly<Record<string, string>> = { s: 's', m: 'ms', u: 'us', n: 'ns' }
const lists: Readonly<Record<string, string>> = {
  '+l': 'list',
  '+L': 'large_list',
  '+vl': 'list_view',
  '+vL': 'large_list_view',
}

/** The type of a column as Arrow's libraries write it: `int64`, `decimal128(15, 2)`, `list<item: string>`. */
export function typeText(field: Field): string {
  const extension = extensionNameOf(new Map(field.metadata))
  return extension === undefined ? storageText(field) : `extension<${extension}>`
}

function storageText({ format, children, dictionary, ordered }: Field): string {
  if (dictionary)
    return `dictionary<values=${typeText(dictionary)}, indices=${simple[format]}, ordered=${ordered ? 1 : 0}>`
  if (simple[format] !== undefined) return simple[format]
  const list = lists[format]
  if (list) return `${list}<${memberText(children[0]!)}>`
  const unit = units[format[2] ?? '']
  if (format.startsWith('ts')) return `timestamp[${unit}${format.length > 4 ? `, tz=${format.slice(4)}` : ''}]`
  if (format.startsWith('tD')) return `duration[${unit}]`
  if (format.startsWith('w:')) return `fixed_size_binary[${format.slice(2)}]`
  if (format.startsWith('+w:')) return `fixed_size_list<${memberText(children[0]!)}>[${format.slice(3)}]`
  if (format.startsWith('d:')) {
    const [precision, scale, bits = '128'] = format.slice(2).split(',')
    return `decimal${bits}(${precision}, ${scale})`
  }
  if (format === '+s') return `struct<${children.map(memberText).join(', ')}>`
  if (format === '+m') {
    const [key, value] = children[0]?.children ?? []
    return key && value ? `map<${typeText(key)}, ${typeText(value)}>` : 'map'
  }
  if (format === '+r') return `run_end_encoded<run_ends: ${typeText(children[0]!)}, values: ${typeText(children[1]!)}>`
  if (format.startsWith('+u')) {
    const ids = format.slice(4).split(',')
    const members = children.map((child, i) => `${memberText(child)}=${ids[i]}`)
    return `${format[2] === 's' ? 'sparse' : 'dense'}_union<${members.join(', ')}>`
  }
  return format
}

function memberText(field: Field): string {
  return `${field.name}: ${typeText(field)}${field.nullable ? '' : ' not null'}`
}
