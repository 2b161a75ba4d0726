import { LoopTurn } from '../../../async/loop-turn.ts'

/** Where and why a text is no JSON. */
export interface JsonFault {
  /** Line and column, counted from 1; a column is a UTF-16 code unit. */
  readonly line: number
  readonly column: number
  readonly reason: string
}

const space = /[ \t\n\r]*/y
/** All but control characters, the quote and the backslash. */
const plainCharacters = /[ !#-[\]-\uffff]*/y
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const word = /true|false|null/y

const REST_OF_STRING = 'the rest of a string: an escape, or the closing quote'

/**
 * Finds the first fault of a text that is no JSON (RFC 8259). Written for faulty texts only, since `JSON.parse` does not tell the
 * position of every fault. A long text is read in turns, between which other calls continue.
 */
export async function findJsonFault(text: string): Promise<JsonFault> {
  let at = 0
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    const found = pattern.test(text)
    if (found) at = pattern.lastIndex
    return found
  }
  /** Skips a string. @returns false at a fault within it */
  const skipString = (): boolean => {
    at++
    for (;;) {
      skip(plainCharacters)
      if (text[at] === '"') {
        at++
        return true
      }
      if (!skip(escaped)) return false
    }
  }
  const fault = (expected: string): JsonFault => {
    const before = text.slice(0, at)
    const line = before.split('\n').length
    const found = at < text.length ? JSON.stringify(String.fromCodePoint(text.codePointAt(at)!)) : 'the end'
    return { line, column: at - before.lastIndexOf('\n'), reason: `expected ${expected}, found ${found}` }
  }
  const open: ('}' | ']')[] = []
  /** What may come next: a value, a value or the end of an empty list, a name, a name or the end, or what follows a value. */
  let next: 'value' | 'first value' | 'name' | 'first name' | 'after' = 'value'
  const turn = new LoopTurn()
  for (;;) {
    const pause = turn.next()
    if (pause) await pause
    skip(space)
    const character = text[at]
    if ((next === 'first value' && character === ']') || (next === 'first name' && character === '}')) {
      at++
      open.pop()
      next = 'after'
    } else if (next === 'name' || next === 'first name') {
      if (character !== '"')
        return fault(next === 'name' ? 'a name in double quotes' : 'a name in double quotes or "}"')
      if (!skipString()) return fault(REST_OF_STRING)
      skip(space)
      if (text[at] !== ':') return fault('":"')
      at++
      next = 'value'
    } else if (next === 'after') {
      const end = open.at(-1)
      if (end === undefined) return fault('the end of the text')
      if (character === ',') next = end === '}' ? 'name' : 'value'
      else if (character === end) open.pop()
      else return fault(`"," or "${end}"`)
      at++
    } else if (character === '{') {
      at++
      open.push('}')
      next = 'first name'
    } else if (character === '[') {
      at++
      open.push(']')
      next = 'first value'
    } else if (character === '"') {
      if (!skipString()) return fault(REST_OF_STRING)
      next = 'after'
    } else if (skip(number) || skip(word)) next = 'after'
    else return fault('a value')
  }
}
