import type { z } from 'zod'
import { nearest } from '../query/text/nearest.ts'
import { kindsWith, knownNames, type SettingSchema, schemaAt } from './json-schema.ts'
import { formatPath } from './setting/path.ts'
import type { Variable } from './setting/variable.ts'

/** Zod's names of types in the words of the configuration page. */
const typeWords: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a whole number',
  object: 'a section of settings',
  record: 'a section of settings',
  string: 'text',
}

/** Most settings of a section that a message lists. */
const MAX_LISTED = 12

/**
 * Describes the problems of a setting, one line each: its path, and what the value must be.
 * @param variables environment variables that can set values instead of the file
 */
export function describeIssue(
  issue: z.core.$ZodIssue,
  schema: SettingSchema,
  variables: readonly Variable[],
): string[] {
  const path = issue.path.map(String)
  const where = formatPath(issue.path)
  const at = schemaAt(schema, path)
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownSetting(formatPath([...issue.path, key]), key, at))
    case 'invalid_key':
      return [`${where}: the name ${issue.issues.map(({ message }) => message).join(', ')}`]
    case 'invalid_type':
      return [`${where}: ${wrongType(issue, at, variables.find(({ gives }) => gives === where)?.name)}`]
    case 'invalid_value':
      return [`${where}: must be one of ${issue.values.join(', ')}`]
    case 'invalid_union':
      return [`${where}: must be one of ${kindsWith(schemaAt(schema, path.slice(0, -1)) ?? {}, 'kind').join(', ')}`]
    case 'too_small':
    case 'too_big':
      return [`${where}: ${wrongSize(issue, at)}`]
    default:
      return [`${where}: ${issue.message}`]
  }
}

function unknownSetting(name: string, key: string, at: SettingSchema | undefined): string {
  const kinds = at ? kindsWith(at, key) : []
  if (kinds.length > 0) return `${name}: only a source of kind ${kinds.join(' or ')} has this setting`
  const known = at ? knownNames(at) : []
  const meant = nearest(key, known)
  if (meant) return `${name}: unknown setting; did you mean ${meant}?`
  const isShort = known.length > 0 && known.length <= MAX_LISTED
  return `${name}: unknown setting${isShort ? `; there are ${known.join(', ')}` : ''}`
}

function wrongType(
  issue: z.core.$ZodIssueInvalidType,
  at: SettingSchema | undefined,
  variable: string | undefined,
): string {
  if (issue.message.endsWith('received undefined'))
    return variable === undefined ? 'must be set' : `must be set in the file or by ${variable}`
  const isEmpty = issue.message.endsWith('received null')
  const expected = at?.form ?? typeWords[issue.expected] ?? issue.expected
  return `must be ${expected}${range(at, ' from ')}${isEmpty ? ', but is empty; remove it to use the default' : ''}`
}

function wrongSize(
  { minimum, maximum, origin }: { readonly minimum?: unknown; readonly maximum?: unknown; readonly origin: string },
  at: SettingSchema | undefined,
): string {
  const isSized = origin === 'string' || origin === 'array'
  const bounds = isSized ? '' : range(at, '')
  if (bounds !== '') return `must be ${bounds}`
  if (isSized && minimum === 1) return 'must not be empty'
  const unit = origin === 'string' ? ' characters' : origin === 'array' ? ' entries' : ''
  return minimum !== undefined ? `must have at least ${minimum}${unit}` : `must have at most ${maximum}${unit}`
}

function range(at: SettingSchema | undefined, before: string): string {
  return at?.minimum !== undefined && at.maximum !== undefined ? `${before}${at.minimum} to ${at.maximum}` : ''
}
