import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeSchema, type Field } from '../../../src/arrow/schema.ts'
import { GatewayError } from '../../../src/query/errors.ts'
import { checkAnnounced, kindsOf } from '../../../src/sources/flightsql/results/announced-columns.ts'
import { BATCH_ROWS, FakeUpstream } from '../../fakes/fake-upstream.ts'
import { UpstreamFixture } from '../../fault/upstream-fixture.ts'

const field = (format: string, more: Partial<Field> = {}): Field => ({
  name: `a ${format}`,
  format,
  nullable: true,
  metadata: [],
  children: [],
  ...more,
})
const schema = (...children: Field[]) => encodeSchema({ ...field('+s'), name: '', nullable: false, children })
const text = field('u')
const dictionary = field('i', { dictionary: text })
const list = (format: string) => field(format, { children: [field('l')] })

describe('the check of a result’s columns against the announced schema', () => {
  it.each([
    ['sizes of integers', [field('i'), field('l')], [field('l'), field('C')]],
    ['dictionaries and views of text', [dictionary, text], [text, field('U')]],
    ['kinds of lists', [list('+l')], [list('+L')]],
    ['a column of nulls', [field('n'), text], [field('g'), field('n')]],
    ['time zones and units', [field('tsu:UTC')], [field('tsm:')]],
  ])('allows for %s', (_, announced, sent) => {
    expect(() => checkAnnounced(kindsOf(schema(...announced))!, schema(...sent))).not.toThrow()
  })

  it.each([
    ['another number of columns', [text], [text, text], /has 2 columns, not the 1 that the server announced/],
    [
      'another kind',
      [text, field('l')],
      [text, field('g')],
      /column 2 "a g" .* is a floating-point number, not an integer/,
    ],
    ['a struct for text', [text], [field('+s', { children: [text] })], /column 1 .* is a struct, not text/],
  ])('refuses %s', (_, announced, sent, words) => {
    expect(() => checkAnnounced(kindsOf(schema(...announced))!, schema(...sent))).toThrow(words)
  })

  it('passes everything when the server announced no schema', () => {
    expect(kindsOf(new Uint8Array(0))).toBeUndefined()
    expect(kindsOf(schema())).toBeUndefined()
  })
})

describe('a result that differs from the announced schema', () => {
  let upstream: FakeUpstream
  let fixture: UpstreamFixture
  beforeAll(async () => {
    upstream = await FakeUpstream.start()
    const patient = { connectTimeoutMs: 30_000, requestTimeoutMs: 30_000 }
    fixture = new UpstreamFixture([upstream.port], patient, { acquireTimeoutMs: 30_000 })
  })
  afterAll(async () => {
    await fixture.source.close()
    await upstream.stop()
  })

  it('client gets UPSTREAM_DATA before the first row; lease returned, circuit breaker stays closed', async () => {
    const error: unknown = await fixture.run('text 3').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(GatewayError)
    expect(error).toMatchObject({
      code: 'UPSTREAM_DATA',
      message: expect.stringMatching(/column 1 "i" of the result is text, not an integer as the server announced/),
    })
    await expect.poll(() => fixture.pool.stats.inUse).toBe(0)
    expect(fixture.source.pools.all[0]!.state).toBe('closed')
    expect(await fixture.read('rows 1')).toEqual({ rows: BATCH_ROWS })
  })
})
