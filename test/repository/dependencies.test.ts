import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const src = fileURLToPath(new URL('../../src/', import.meta.url))

/** The parts that each part may import, besides itself; docs/architecture.md says why. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  main: ['cli', 'ops'],
  cli: ['gateway', 'workers', 'config', 'ops', 'arrow'],
  workers: ['state', 'config', 'ops', 'query'],
  gateway: [
    'arrow',
    'async',
    'cache',
    'config',
    'cost',
    'fronts',
    'auth',
    'grpc',
    'statements',
    'quotas',
    'ops',
    'query',
    'sources',
    'state',
  ],
  fronts: ['statements', 'cost', 'quotas', 'auth', 'query', 'arrow', 'state', 'grpc', 'http2', 'async'],
  auth: ['query', 'grpc', 'http2'],
  statements: ['query', 'arrow', 'state', 'async'],
  quotas: ['query', 'state'],
  cache: ['query', 'arrow', 'state', 'async', 'config', 'spill'],
  cost: ['query', 'state', 'async', 'config'],
  sources: ['query', 'arrow', 'grpc', 'http2', 'async', 'config', 'spill'],
  grpc: ['query', 'arrow', 'http2', 'async'],
  query: ['arrow', 'async'],
  config: ['sources', 'query'],
  state: ['query', 'async'],
  spill: [],
  // Runs in browsers: it knows the gateway by its HTTP API alone.
  console: [],
  ops: [],
  arrow: ['async'],
  http2: [],
  async: [],
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file))
const partOf = (file: string) => file.split('/')[0]!.replace(/\.ts$/, '')
const importsOf = (file: string): string[] => {
  const text = readFileSync(join(src, file), 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?'(\.[^']+)'/g)].map(([, path]) =>
    relative(src, join(src, dirname(file), path!)),
  )
}

/** All modules that importing a file loads, packages included. Type imports and `import()` calls load nothing at that time. */
function loadedWith(entry: string): string[] {
  const loaded = new Set<string>()
  const visit = (file: string) => {
    if (loaded.has(file)) return
    loaded.add(file)
    if (!files.includes(file)) return
    const text = readFileSync(join(src, file), 'utf8')
    const imports = text.matchAll(/^(?:import|export)(?! type\b)(?:[^'"]*? from)? '([^']+)'/gm)
    for (const [, path] of imports)
      visit(path!.startsWith('.') ? relative(src, join(src, dirname(file), path!)) : path!)
  }
  visit(entry)
  return [...loaded]
}

describe('the dependency rule', () => {
  it('lists every part', () => {
    expect([...new Set(files.map(partOf))].sort()).toEqual(Object.keys(allowed).sort())
  })

  it('holds for every import', () => {
    const broken = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => !target.startsWith('..'))
        .filter((target) => partOf(target) !== partOf(file) && !allowed[partOf(file)]!.includes(partOf(target)))
        .map((target) => `${file} imports ${target}`),
    )
    expect(broken).toEqual([])
  })

  it('sources do not import each other, and of query/ only types, errors, the port, the limiter and readers of SQL text', () => {
    const waist = [
      'types',
      'source',
      'catalog',
      'capabilities',
      'billing/charge',
      'ingest',
      'errors',
      'estimate',
      'estimates/estimate-json',
      'limits/concurrency-limiter',
      'billing/source-cost',
      'source-metrics',
      'time-limit',
      'tracing/span',
      'tracing/trace-parent',
    ].map((name) => `query/${name}.ts`)
    const broken = files
      .filter((file) => file.startsWith('sources/'))
      .flatMap((file) =>
        importsOf(file)
          .filter(
            (target) => target.startsWith('query/') && !target.startsWith('query/text/') && !waist.includes(target),
          )
          .concat(
            importsOf(file).filter(
              (t) =>
                t.startsWith('sources/') &&
                t.split('/')[1] !== file.split('/')[1] &&
                t !== 'sources/kind.ts' &&
                file !== 'sources/kinds.ts',
            ),
          )
          .map((target) => `${file} imports ${target}`),
      )
    expect(broken).toEqual([])
  })

  it('a front imports no other front; what gRPC fronts share is in fronts/grpc, which imports none', () => {
    const broken = files
      .filter((file) => file.startsWith('fronts/'))
      .flatMap((file) =>
        importsOf(file)
          .filter((target) => target.startsWith('fronts/') && target.split('/')[1] !== file.split('/')[1])
          .filter((target) => !target.startsWith('fronts/grpc/') || file.startsWith('fronts/http/'))
          .map((target) => `${file} imports ${target}`),
      )
    expect(broken).toEqual([])
  })

  it('state/ imports only errors and types of query/', () => {
    const broken = files
      .filter((file) => file.startsWith('state/'))
      .flatMap((file) => importsOf(file).filter((target) => target.startsWith('query/')))
    expect(new Set(broken)).toEqual(new Set(['query/errors.ts', 'query/types.ts']))
  })

  it('other parts import http2/ only through its index, and each side of grpc/ only from the parts that it serves', () => {
    const broken = files.flatMap((file) =>
      importsOf(file)
        .filter(
          (target) =>
            (target.startsWith('http2/') && !file.startsWith('http2/') && target !== 'http2/index.ts') ||
            (target.startsWith('grpc/server/') && file.startsWith('sources/')) ||
            (target.startsWith('grpc/client/') && file.startsWith('fronts/')),
        )
        .map((target) => `${file} imports ${target}`),
    )
    expect(broken).toEqual([])
  })

  it('only the registry of kinds imports the source kinds', () => {
    const broken = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => target.startsWith('sources/') && !file.startsWith('sources/'))
        .filter((target) => !/^sources\/(kinds?|[^/]+\/settings)\.ts$/.test(target))
        .concat(
          file === 'sources/kinds.ts' ? importsOf(file).filter((t) => !/^sources\/([^/]+\/)?kind\.ts$/.test(t)) : [],
        )
        .map((target) => `${file} imports ${target}`),
    )
    expect(broken).toEqual([])
  })

  it('sources import only building blocks of config/, which import nothing of ours', () => {
    const broken = files.flatMap((file) =>
      importsOf(file)
        .filter((target) =>
          file.startsWith('config/setting/')
            ? !target.startsWith('config/setting/')
            : file.startsWith('sources/') && target.startsWith('config/') && !target.startsWith('config/setting/'),
        )
        .map((target) => `${file} imports ${target}`),
    )
    expect(broken).toEqual([])
  })

  it.each(['config/load.ts', 'cli/check-config.ts', 'cli/serve.ts'])('%s loads no engine', (entry) => {
    const loaded = loadedWith(entry)
    expect(loaded).toContain('sources/duckdb/kind.ts')
    expect(loaded).not.toContain('koffi')
    expect(loaded.filter((name) => /^sources\/[^/]+\/(source|native\/.*)\.ts$|duckdb\/node/.test(name))).toEqual([])
  })

  it('the console has the names of browsers, which the rest has not, and no names of Node.js', () => {
    const compiler = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url))
    expect(execFileSync(compiler, ['--noEmit', '-p', join(src, 'console')], { encoding: 'utf8' })).toBe('')
  })

  it('no folder has more than 15 files of its own', () => {
    const counts = new Map<string, number>()
    for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1)
    expect([...counts].filter(([folder, count]) => count > 15 && folder)).toEqual([])
  })

  it('there are no import cycles', () => {
    const state = new Map<string, 'open' | 'done'>()
    const cycles: string[] = []
    const visit = (file: string, path: string[]) => {
      if (state.get(file) === 'done') return
      if (state.get(file) === 'open') {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
        return
      }
      state.set(file, 'open')
      for (const target of importsOf(file)) if (files.includes(target)) visit(target, [...path, file])
      state.set(file, 'done')
    }
    for (const file of files) visit(file, [])
    expect(cycles).toEqual([])
  })

  it('no file has more than 350 lines', () => {
    const lines = (file: string) => readFileSync(join(src, file), 'utf8').split('\n').length
    expect(files.filter((file) => lines(file) > 350).map((file) => `${file}: ${lines(file)}`)).toEqual([])
  })
})
