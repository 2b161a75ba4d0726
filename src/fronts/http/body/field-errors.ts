import type { z } from 'zod'
import { GatewayError } from '../../../query/errors.ts'
import { nearest } from '../../../query/text/nearest.ts'
import { knownFields } from './known-fields.ts'

/** What is wrong with one field of a request. */
export interface FieldProblem {
  /** Path of the field, such as `parameters[2]`; empty for the whole body. */
  readonly path: string
  readonly message: string
}

/** Fields at fault that an error names. */
const MAX_PROBLEMS = 20

/** BAD_REQUEST, with the first fields at fault. */
export class FieldErrors extends GatewayError {
  readonly errors: readonly FieldProblem[]

  constructor(found: readonly FieldProblem[]) {
    const errors = found.slice(0, MAX_PROBLEMS)
    super('BAD_REQUEST', errors.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; '))
    this.errors = errors
  }
}

/** A longer name is no misspelling, and takes too long to compare. */
const MAX_COMPARED_CHARACTERS = 40

/** Zod's names of types in the words of JSON. */
const typeWords: Readonly<Record<string, string>> = {
  array: 'an array',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'text',
}

/** The error of a request that does not fit its schema. @param whole names what has no field, such as `The body` */
export function fieldErrorsOf(error: z.core.$ZodError, schema: z.core.$ZodType, whole: string): FieldErrors {
  const problems = error.issues.flatMap((issue) => problemsOf(issue, schema, whole))
  return new FieldErrors(problems)
}

function problemsOf(issue: z.core.$ZodIssue, schema: z.core.$ZodType, whole: string): FieldProblem[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys
      .slice(0, MAX_PROBLEMS)
      .map((key) => ({ path: formatPath([...issue.path, key]), message: strangerMessage(key, issue, schema) }))
  // Of the alternatives of a union, the one that fits best has got furthest.
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const ofFittingType = issue.errors.find((issues) => issues.every(({ code }) => code === 'too_big'))
    if (ofFittingType)
      return ofFittingType.flatMap((inner) =>
        problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, schema, whole),
      )
    const deepest = issue.errors.map((issues) => Math.max(0, ...issues.map(({ path }) => path.length)))
    const best = issue.errors[deepest.indexOf(Math.max(...deepest))]!
    if (Math.max(...deepest) > 0 || issue.errors.length === 1)
      return best.flatMap((inner) => problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, schema, whole))
  }
  const path = formatPath(issue.path)
  const message = messageOf(issue)
  return [path === '' ? { path, message: `${whole} ${message}` } : { path, message }]
}

/** What is wrong with an unknown field: what the schema says of it, if it expects the mistake; else which field may be meant. */
function strangerMessage(key: string, { message, path }: z.core.$ZodIssue, schema: z.core.$ZodType): string {
  if (!message.startsWith('Unrecognized key')) return message
  const meant = key.length <= MAX_COMPARED_CHARACTERS ? nearest(key, knownFields(schema, path)) : undefined
  return `there is no such field${meant === undefined ? '' : `: did you mean ${meant}?`}`
}

function messageOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.message.endsWith('received undefined')) return issue.path.length === 0 ? 'is missing' : 'must be given'
      return `must be ${typeWords[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`
    case 'too_small':
      return sizeMessage(issue.origin, 'at least', issue.minimum)
    case 'too_big':
      return sizeMessage(issue.origin, 'at most', issue.maximum)
    case 'invalid_union':
      return `must be ${[...new Set(issue.errors.flat().map(alternative))].join(' or ')}`
    default:
      return issue.message
  }
}

function alternative(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_type' ? (typeWords[issue.expected] ?? issue.expected) : messageOf(issue)
}

function sizeMessage(origin: string, bound: string, value: number | bigint): string {
  if (origin === 'string') return `must have ${bound} ${value} ${value === 1 ? 'character' : 'characters'}`
  if (origin === 'array') return `must have ${bound} ${value} ${value === 1 ? 'entry' : 'entries'}`
  return `must be ${bound} ${value}`
}

/** Formats a path as in JavaScript, such as `queries[0].table`. */
function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? String(part) : `${text}.${String(part)}`
  }, '')
}
