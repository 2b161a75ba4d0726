import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { deriveContext } from '../../src/query/derive-context.ts'
import type { Context, Logger, Principal } from '../../src/query/types.ts'
import { RecordedSpan } from '../fakes/recorded-span.ts'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const other: Logger = { ...silent }

/** A context as a front makes it: the signal is created on first access. */
class LazyContext implements Context {
  readonly principal: Principal = { name: 'dash', roles: ['reader'] }
  readonly deadlineAt = 1000
  readonly requestId = 'r1'
  readonly log = silent
  readonly front = 'flight'
  readonly peer = '10.0.0.1:1'
  readonly metadata = { 'x-name': 'value' }
  readonly connection = { isLeaving: false, onceClosed() {} }
  readonly reader = { end() {} }
  readonly trackProgress = false
  readonly holder = 'peer'
  readonly types = { losslessTypes: true }
  readonly changeMark = { mayHaveChanged: false }
  readonly trace = {}
  readonly charge = { id: 'c1', onSubmitted: async () => {}, settle() {} }
  readonly heldReports = []
  readonly span = new RecordedSpan('a')
  #controller: AbortController | undefined

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  get hasSignal(): boolean {
    return this.#controller !== undefined
  }
}

/** A different value for every member; the compiler fails here if a member of `Context` is missing. */
const changes: { readonly [K in keyof Required<Context>]: NonNullable<Context[K]> } = {
  principal: { name: 'tool', roles: [] },
  signal: new AbortController().signal,
  deadlineAt: 5,
  requestId: 'r2',
  log: other,
  front: 'http',
  peer: '10.0.0.2:2',
  metadata: {},
  connection: { isLeaving: true, onceClosed() {} },
  reader: { end() {} },
  trackProgress: true,
  holder: 'other peer',
  types: { losslessTypes: false, dictionaries: false },
  changeMark: { mayHaveChanged: true },
  trace: { queueWaitMs: 1 },
  charge: { id: 'c2', maxBilledBytes: 1, onSubmitted: async () => {}, settle() {} },
  heldReports: [() => {}],
  span: new RecordedSpan('b'),
}
const names = Object.keys(changes) as (keyof Context)[]

describe('deriveContext', () => {
  it('keeps every member that is not changed', () => {
    const outer = new LazyContext()
    const derived = deriveContext(outer, {})
    for (const name of names) expect(derived[name], name).toBe(outer[name])
  })

  it.each(names)('changes %s, and nothing else', (changed) => {
    const outer = new LazyContext()
    // A reader belongs to its signal.
    const more = changed === 'signal' ? { reader: outer.reader } : {}
    const derived = deriveContext(outer, { [changed]: changes[changed], ...more })
    for (const name of names) expect(derived[name], name).toBe(name === changed ? changes[name] : outer[name])
  })

  it.each([
    'metadata',
    'connection',
    'reader',
    'trackProgress',
    'holder',
    'types',
    'changeMark',
    'trace',
    'heldReports',
  ] as const)('leaves out %s when the change says undefined', (name) => {
    expect(deriveContext(new LazyContext(), { [name]: undefined })[name]).toBeUndefined()
  })

  it('leaves out the reader when the change brings another signal, which ending the reader would not abort', () => {
    expect(deriveContext(new LazyContext(), { signal: changes.signal }).reader).toBeUndefined()
  })

  it('does not create a lazy signal until the derived context reads it', () => {
    const outer = new LazyContext()
    const derived = deriveContext(deriveContext(outer, { deadlineAt: 5 }), { types: { losslessTypes: false } })
    expect(outer.hasSignal).toBe(false)
    expect(derived.signal).toBe(outer.signal)
  })

  it('never creates the outer signal when the change brings one', () => {
    const outer = new LazyContext()
    const { signal } = new AbortController()
    expect(deriveContext(outer, { signal }).signal).toBe(signal)
    expect(outer.hasSignal).toBe(false)
  })

  it('is the only way in src to derive a context: no file spreads one', () => {
    const src = fileURLToPath(new URL('../../src/', import.meta.url))
    const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
    expect(files.length).toBeGreaterThan(100)
    const spreads = (file: string) => /\.\.\.(ctx|context)\b/.test(readFileSync(join(src, file), 'utf8'))
    expect(files.filter(spreads)).toEqual([])
  })
})
