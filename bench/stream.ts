// A large result as NDJSON over HTTP: the gateway's memory while it streams, and beside it a server that collects the result, at a
// size that it can hold. `SIZE_GB=1 npm run bench -- stream` streams less than the 10 GB of a full run, and writes no results.
import { drain, post } from './support/http.ts'
import { type MeasuredServer, root, startGateway, startServer, writeResults } from './support/server.ts'

const FULL_GB = 10
const sizeGb = Number(process.env['SIZE_GB'] ?? FULL_GB)
/** What both ways are compared at: a JavaScript text cannot be longer than 512 MiB. */
const COMPARED_GB = Math.min(sizeGb, 0.25)
/** Memory counts as warm after this many bytes. */
const WARM_BYTES = 256e6
const SAMPLE_MS = 50
const GB = 1e9

/** Rows of the same length: numbers, texts, a decimal, a boolean, a timestamp and nulls. */
const query = (rows: number) => `SELECT 1000000000 + range AS id, 'customer ' || (1000000000 + range) AS name,
  (range % 900 + 100)::DECIMAL(10, 2) / 4 AS price, range % 2 = 0 AS paid, TIMESTAMP '2026-01-01' + INTERVAL 1 SECOND * (range % 86400) AS at,
  CASE WHEN range % 3 = 0 THEN 'a note of this order' END AS note FROM range(${rows})`

async function startStreaming(): Promise<MeasuredServer> {
  return await startGateway({ sources: { demo: { kind: 'duckdb' } } })
}

/** Reads the result from a server and watches the server's memory. */
async function read(server: MeasuredServer, path: string, address: string, rows: number) {
  const idleBytes = server.rssBytes()
  let warmBytes = 0
  let peakBytes = idleBytes
  let received = 0
  const timer = setInterval(() => {
    const now = server.rssBytes()
    if (received < WARM_BYTES) warmBytes = Math.max(warmBytes, now)
    peakBytes = Math.max(peakBytes, now)
  }, SAMPLE_MS)
  const before = server.cpuSeconds()
  const startedAt = performance.now()
  const answer = await post(address, path, { query: query(rows), format: 'ndjson' })
  const bytes = await drain(answer, (sofar) => {
    received = sofar
  })
  const seconds = (performance.now() - startedAt) / 1000
  clearInterval(timer)
  return { bytes, seconds, cpuSeconds: server.cpuSeconds() - before, idleBytes, warmBytes, peakBytes }
}

const megabytes = (bytes: number) => Math.round(bytes / 1e6)

const probe = await startStreaming()
const PROBED_ROWS = 30_000
const bytesPerRow = (await read(probe, '/api/v1/stream', probe.httpAddress, PROBED_ROWS)).bytes / PROBED_ROWS
const rowsOf = (gigabytes: number) => Math.round((gigabytes * GB) / bytesPerRow)

await probe.stop()

// Each way at the same size, in a fresh process.
const streaming = await startStreaming()
const small = await read(streaming, '/api/v1/stream', streaming.httpAddress, rowsOf(COMPARED_GB))
await streaming.stop()
const source = await startStreaming()
const collecting = await startServer(
  process.execPath,
  ['bench/support/collecting-server.ts', source.httpAddress],
  /listening (\S+)/,
  root,
)
const collected = await read(collecting, '/', collecting.address, rowsOf(COMPARED_GB))
await collecting.stop()
await source.stop()

const gateway = await startStreaming()
const full = await read(gateway, '/api/v1/stream', gateway.httpAddress, rowsOf(sizeGb))
await gateway.stop()

const row = ({ bytes, seconds, cpuSeconds, idleBytes, peakBytes }: typeof full) => ({
  gigabytes: Number((bytes / GB).toFixed(2)),
  megabytesPerSecond: Math.round(bytes / 1e6 / seconds),
  cpuSecondsPerGigabyte: Number((cpuSeconds / (bytes / GB)).toFixed(2)),
  idleRssMegabytes: megabytes(idleBytes),
  peakRssMegabytes: megabytes(peakBytes),
})
const grownBytes = Math.max(0, full.peakBytes - full.warmBytes)
const held = ({ peakBytes, idleBytes }: typeof full) => peakBytes - idleBytes
const collectedBytes = collected.idleBytes + (held(collected) / small.bytes) * full.bytes
const medians = {
  'streaming, whole result': { ...row(full), megabytesGrownAfterWarmUp: megabytes(grownBytes) },
  streaming: row(small),
  collecting: row(collected),
  'collecting, whole result (extrapolated)': {
    gigabytes: Number((full.bytes / GB).toFixed(2)),
    peakRssMegabytes: megabytes(collectedBytes),
  },
}
const ratios = {
  'streaming to collecting, peak RSS, whole result': Number((full.peakBytes / collectedBytes).toFixed(3)),
  'streaming to collecting, peak RSS at the same size': Number((small.peakBytes / collected.peakBytes).toFixed(2)),
  'streaming to collecting, memory above the idle process': Number((held(small) / held(collected)).toFixed(3)),
}
console.log(`${rowsOf(sizeGb)} rows of ${bytesPerRow.toFixed(1)} bytes`)
console.table(medians)
console.table(ratios)
console.log(`${megabytes(grownBytes)} MB more after the first ${megabytes(WARM_BYTES)} MB`)
if (sizeGb >= FULL_GB) writeResults('stream', { NDJSON: { rounds: 1, medians, ratios } })
