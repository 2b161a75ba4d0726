import { describe, expect, it } from 'vitest'
import { GrpcFailure } from '../../../src/grpc/client/failure.ts'
import { textFactsOf } from '../../../src/query/facts/facts-of.ts'
import { faultOfCondition } from '../../../src/query/text/condition.ts'
import { readTableHeads } from '../../../src/query/text/table-names.ts'
import type { Context, Query } from '../../../src/query/types.ts'
import { duckDbError } from '../../../src/sources/duckdb/errors.ts'
import { makesTemporary } from '../../../src/sources/duckdb/sql/makes-temporary.ts'
import { readStatementWords } from '../../../src/sources/duckdb/sql/statement-words.ts'
import type { UpstreamCatalog } from '../../../src/sources/flightsql/catalog.ts'
import { upstreamError } from '../../../src/sources/flightsql/errors.ts'
import { OwnName } from '../../../src/sources/flightsql/statements/own-source-name.ts'
import { readStatement } from '../../../src/sources/flightsql/statements/statement-text.ts'
import { sharingKeyOf } from '../../../src/statements/batch/sharing-key.ts'
import { hasReturning } from '../../../src/statements/has-returning.ts'
import { cpuMs, longestTurnMs } from '../../cpu-time.ts'

const KIB = 1 << 10
const MIB = 1 << 20
/** Length of the shorter texts, more than readers take at once; the longer ones are four times as long. */
const LENGTH = Number(process.env['TEXT_KIB'] ?? 72) * KIB
/** Length of a text for which each reader takes longer than it may at once. */
const LONG = 4 * MIB
const call = { signal: new AbortController().signal }
/** A text in one block of memory, as a message carries it (no rope). */
const flat = (text: string) => Buffer.from(text).toString()
const filled = (before: string, unit: string, after = '') => {
  return (length: number) => flat(before + unit.repeat(Math.ceil(length / unit.length)).slice(0, length) + after)
}

/** Texts that make a naive reader backtrack. */
const worst: readonly (readonly [string, (length: number) => string])[] = [
  ['empty comments after a name', filled('SELECT l.query', '/**/', ' FROM t')],
  ['names and open comments', filled('SELECT ', 'query/*')],
  ['names and comments', filled('SELECT ', 'query/* */')],
  ['names and line comments', filled('SELECT ', 'query--query\n')],
  ['open comments', filled('CREATE ', '/*')],
  ['nested comments', (length) => flat(`SELECT ${'/*'.repeat(length / 4)}${'*/'.repeat(length / 4)} 1`)],
  ['stars in a comment', filled('/*', '*')],
  ['comments before a statement', filled('', '/**/ ', 'CREATE TEMP TABLE x AS SELECT 1')],
  ['line comments before a statement', filled('', '--\n', 'INSERT INTO t VALUES (1)')],
  ['an open literal', filled("SELECT '", 'a')],
  ['quotes', filled("SELECT '", "'")],
  ['quotes of all kinds', filled('SELECT ', `'"\``)],
  ['dollars', filled('SELECT ', '$')],
  ['names of tables', filled('SELECT * FROM ', 'l.a.b, ')],
  ['names of many parts', filled('SELECT * FROM ', 'l.')],
  ['quoted names', filled('SELECT * FROM ', '"l"."a""b" ')],
  ['unterminated dollar quotes', filled('SELECT ', '$a')],
  ['a long dollar quote', filled('SELECT $', 'a')],
  ['dashes', filled('SELECT 1', '-')],
  ['slashes', filled('SELECT 1', '/')],
  ['brackets', filled('SELECT ', '[')],
  ['parentheses', filled('', '(')],
  ['semicolons', filled('SELECT 1', '; SELECT 1')],
  ['parameter placeholders', filled('SELECT ', '?,')],
  ['a long word', filled('', 'a')],
  ['short words', filled('', 'u ')],
  ['keywords of changes', filled('SELECT ', 'insert, ')],
  ['digits', filled('SELECT ', '1')],
  ['white space', filled('SELECT', ' ')],
  ['characters of all kinds', filled('SELECT ', 'é漢\u200b😀٣ ')],
]
const query: Query = { source: 'l', sql: '', session: {}, purpose: 'any' }
const ownName = new OwnName({ hasOwn: async () => false } as unknown as UpstreamCatalog, 'l', false)

const readers: readonly (readonly [string, (text: string) => unknown])[] = [
  ['the text of a statement', (text) => readStatement(text, call)],
  ['its words', (text) => readStatementWords(text, call)],
  ['its tables', (text) => readTableHeads(text, call)],
  ['its columns of a source', (text) => ownName.removeFrom({ ...query, sql: text }, call as Context)],
  ['what it makes', (text) => makesTemporary(text, call)],
  ['whether it returns', (text) => hasReturning(text, call)],
  ['whether it is a condition', (text) => faultOfCondition(text, call)],
  ['its facts', (text) => textFactsOf(text.slice(0, 1 << 20), 'duckdb', call)],
  ['whether it can be shared', (text) => sharingKeyOf({ ...query, sql: text }, call)],
]

describe('readers of statement text', () => {
  it.each(worst)('take time linear in the length: %s', async (_what, make) => {
    for (const [, read] of readers) {
      const spent: number[] = []
      for (const length of [LENGTH, 4 * LENGTH]) {
        const text = make(length)
        const before = cpuMs()
        await read(text)
        spent.push(cpuMs() - before)
      }
      // A square takes 16 times as long: even one search of native code for each place is above this.
      expect(spent[1]).toBeLessThan(6 * spent[0]! + 60)
    }
  })

  it.each(worst.slice(0, 2))('yield to the event loop on a very long text: %s', async (_what, make) => {
    const text = make(LONG)
    const longestMs = await longestTurnMs(async () => {
      for (const [, read] of readers) await read(text)
    })
    expect(longestMs).toBeLessThan(100)
  })

  it('stop when the call ends', async () => {
    const controller = new AbortController()
    const text = filled('SELECT ', 'a, ')(4 * MIB)
    const reading = readStatement(text, { signal: controller.signal })
    controller.abort(new Error('the client left'))
    await expect(reading).rejects.toThrow('the client left')
  })

  it('read a text once and remember the result', async () => {
    const text = filled('SELECT ', 'b, ')(MIB)
    await readStatement(text, call)
    expect(readStatement(flat(`${text} `).slice(0, -1), call)).not.toBeInstanceOf(Promise)
  })
})

describe('readers of engine errors', () => {
  const said: readonly (readonly [string, string])[] = [
    ['lines', '\n'],
    ['lines and spaces', '\n \t'],
    ['words', 'table '],
    ['sandbox messages', 'Cannot change '],
    ['stack locations', ' at a.b/c.'],
    ['carets', '\nLINE 1: x\n   '],
    ['error kinds', 'Error Error '],
  ]
  it.each(said)('read an error of 8 MiB within a second: %s', (_what, unit) => {
    const text = filled('Catalog Error: Table ', unit)(8 * MIB)
    const before = cpuMs()
    duckDbError(text, 'demo')
    upstreamError(new GrpcFailure('UNKNOWN', text, 'upstream'), 'up', { classifiesErrors: false })
    expect(cpuMs() - before).toBeLessThan(1000)
  })
})
