// Rows of TPC-H lineitem as text: the encoders of the gateway over the batches of the embedded DuckDB, beside JSON.stringify row by
// row, DuckDB's COPY with one thread, and Python's writers. Each writes from memory to nowhere. Rounds are interleaved.
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { type Frame, frameOf } from '../src/arrow/ipc/frame.ts'
import { readHeader } from '../src/arrow/ipc/header.ts'
import { readStream } from '../src/arrow/ipc/ipc.ts'
import { createRowEncoder } from '../src/arrow/text/row-encoder.ts'
import { median, python, root, startGateway, writeResults } from './support/server.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 5)
const ROWS = 600_000
/** Rows of JSON.stringify, which takes many times as long for each. */
const ROWS_OF_STRINGIFY = 40_000
const WARM_UPS = 2
const CHUNK_ROWS = 1000
const GIB = 2 ** 30
const file = `/dev/shm/flightgate-text-${process.pid}.arrows`

interface Sample {
  readonly bytes: number
  readonly rows: number
  readonly seconds: number
  readonly cpuSeconds: number
}
type Format = 'ndjson' | 'json' | 'csv'

async function fetchLineitem(): Promise<void> {
  const run = (script: string, ...args: string[]) => execFileSync(python, [join(root, script), ...args]).toString()
  const { path } = JSON.parse(run('test/python/lineitem_file.py', '1').trim())
  const gateway = await startGateway({ sources: { tpch: { kind: 'duckdb', path } } })
  const query = ['query', '-q', '-e', `grpc://${gateway.address}`, '--format', 'arrow', '--output', file]
  execFileSync(process.execPath, [join(root, 'src/main.ts'), ...query, `SELECT * FROM lineitem LIMIT ${ROWS}`])
  await gateway.stop()
}

async function measured(write: () => Promise<{ readonly bytes: number; readonly rows: number }>): Promise<Sample> {
  const before = process.cpuUsage()
  const startedAt = performance.now()
  const written = await write()
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(before)
  return { ...written, seconds, cpuSeconds: (user + system) / 1e6 }
}

async function encode(frames: readonly Frame[], format: Format): Promise<{ bytes: number; rows: number }> {
  const encoder = createRowEncoder(format, frames[0]!, { chunkRows: CHUNK_ROWS })
  let bytes = encoder.begin().length + encoder.end().length
  let rows = 0
  for (const frame of frames.slice(1))
    for await (const piece of encoder.batch(frame)) {
      bytes += piece.bytes.length
      rows += piece.rows
    }
  return { bytes, rows }
}

/** What a gateway does that decodes rows. */
async function stringify(stream: Uint8Array): Promise<{ bytes: number; rows: number }> {
  const table = tableFromIPC(stream).slice(0, ROWS_OF_STRINGIFY)
  let bytes = 0
  for (const row of table)
    bytes += Buffer.from(
      `${JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? String(value) : value))}\n`,
    ).length
  return { bytes, rows: table.numRows }
}

await fetchLineitem()
const stream = readFileSync(file)
// As the gateway gets them: each body in memory of its own.
const frames = [...readStream(stream)].map(({ header, body }) =>
  frameOf(header, new Uint8Array(body), readHeader(header).rows),
)
const ofPython = async (way: string): Promise<Sample> =>
  JSON.parse(execFileSync(python, [join(root, 'bench/python/text_writers.py'), file, way], { encoding: 'utf8' }))
const FLIGHTGATE = 'flightgate'
const STRINGIFY = 'JSON.stringify row by row'
const COPY = 'DuckDB COPY, one thread'
const cases: Readonly<Record<string, Readonly<Record<string, () => Promise<Sample>>>>> = {
  'lineitem as NDJSON': {
    [FLIGHTGATE]: () => measured(() => encode(frames, 'ndjson')),
    [STRINGIFY]: () => measured(() => stringify(stream)),
    [COPY]: () => ofPython('duckdb-ndjson'),
    'Python json': () => ofPython('json-ndjson'),
  },
  'lineitem as JSON': {
    [FLIGHTGATE]: () => measured(() => encode(frames, 'json')),
    [STRINGIFY]: () => measured(() => stringify(stream)),
    [COPY]: () => ofPython('duckdb-json'),
  },
  'lineitem as CSV': {
    [FLIGHTGATE]: () => measured(() => encode(frames, 'csv')),
    [STRINGIFY]: () => measured(() => stringify(stream)),
    [COPY]: () => ofPython('duckdb-csv'),
    'pyarrow csv': () => ofPython('pyarrow-csv'),
  },
}
for (let i = 0; i < WARM_UPS; i++) {
  for (const format of ['ndjson', 'json', 'csv'] as const) await encode(frames, format)
  await stringify(stream)
}
const samples = new Map<string, Sample[]>()
for (let round = 0; round < ROUNDS; round++)
  for (const [name, ways] of Object.entries(cases))
    for (const [way, run] of Object.entries(ways)) {
      const key = `${name}/${way}`
      samples.set(key, [...(samples.get(key) ?? []), await run()])
    }
rmSync(file)
const results: Record<string, object> = {}
for (const [name, ways] of Object.entries(cases)) {
  const of = (way: string, value: (sample: Sample) => number) => median(samples.get(`${name}/${way}`)!.map(value))
  const rate = (way: string) => of(way, ({ bytes, seconds }) => bytes / 1e6 / seconds)
  const cpu = (way: string) => of(way, ({ bytes, cpuSeconds }) => cpuSeconds / (bytes / GIB))
  const medians = Object.fromEntries(
    Object.keys(ways).map((way) => [
      way,
      {
        megabytesPerSecond: Number(rate(way).toFixed(1)),
        rowsPerSecond: Math.round(of(way, ({ rows, seconds }) => rows / seconds)),
        cpuSecondsPerGiB: Number(cpu(way).toFixed(2)),
      },
    ]),
  )
  const ratios = Object.fromEntries(
    Object.keys(ways)
      .filter((way) => way !== FLIGHTGATE)
      .flatMap((way) => [
        [`${FLIGHTGATE} to ${way}, MB/s`, Number((rate(FLIGHTGATE) / rate(way)).toFixed(2))],
        [`${FLIGHTGATE} to ${way}, CPU`, Number((cpu(FLIGHTGATE) / cpu(way)).toFixed(2))],
      ]),
  )
  results[name] = { rows: ROWS, rounds: ROUNDS, medians, ratios }
  console.log(`\n${name}, medians of ${ROUNDS}`)
  console.table(medians)
  console.table(ratios)
}
writeResults('text', results)
