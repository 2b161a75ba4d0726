import type { Value } from '../schema.ts'
import type { Typed } from './context.ts'
import { child, keyword, type Node } from './cst.ts'
import { wireValue } from './values.ts'

const typedLiterals: Readonly<Record<string, string>> = {
  DATE: 'DATE',
  TIMESTAMP: 'TIMESTAMP',
  DATETIME: 'DATETIME',
  TIME: 'TIME',
  NUMERIC: 'NUMERIC',
  DECIMAL: 'NUMERIC',
  BIGNUMERIC: 'BIGNUMERIC',
  JSON: 'JSON',
}

/** The constant that a node is; undefined if it is none. */
export function literalOf(node: Node): Typed | undefined {
  const text = node.token?.literal ?? ''
  switch (node.node_type) {
    case 'NumericLiteral': {
      const whole = /^(\d+|0x[\da-f]+)$/i.test(text)
      return typed(whole ? 'INTEGER' : 'FLOAT', whole ? String(BigInt(text)) : String(Number(text)))
    }
    case 'StringLiteral':
      return /^r?b/i.test(text)
        ? typed('BYTES', Buffer.from(unquoted(text)).toString('base64'))
        : typed('STRING', unquoted(text))
    case 'BooleanLiteral':
      return typed('BOOLEAN', text.toLowerCase())
    case 'NullLiteral':
      return typed('INTEGER', null)
    case 'UnaryOperator': {
      const operand = child(node, 'right')
      const type = typedLiterals[keyword(node)]
      if (!type || operand?.node_type !== 'StringLiteral') return undefined
      return typed(type, wireValue(unquoted(operand.token!.literal), type))
    }
    default:
      return undefined
  }
}

function typed(type: string, value: Value): Typed {
  return { field: { name: '', type, mode: 'NULLABLE' }, value }
}

/** Content of a string literal; knows the usual escapes. */
export function unquoted(literal: string): string {
  const [, prefix = '', quote = '', body = ''] = /^([rb]*)("""|'''|"|')([\s\S]*)\2$/i.exec(literal) ?? []
  if (!quote || /r/i.test(prefix)) return body
  return body.replace(/\\(.)/g, (_, char: string) => ({ n: '\n', t: '\t', r: '\r' })[char] ?? char)
}
