import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { RecordBatchReader } from 'apache-arrow'
import type { FlightInfo } from '../../../gen/arrow/flight/protocol/Flight.ts'
import { withoutCompression } from '../../arrow/compression/decompress.ts'
import { encapsulate } from '../../arrow/ipc/ipc.ts'
import { ExitCode } from '../exit-code.ts'
import { describeFailure } from './describe-failure.ts'
import { FlightClient } from './flight-client.ts'
import type { QueryOptions, RowFormat } from './options.ts'
import { CsvWriter, JsonWriter, type RowWriter, TableWriter } from './row-writers.ts'

const END_OF_STREAM = Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
const DEFAULT_WIDTH = 120
const PROGRESS_EVERY_MS = 200

interface Progress {
  rows: number
  bytes: number
}

/** Runs a statement and writes its rows. Returns the exit code. */
export async function query(sql: string, options: QueryOptions): Promise<number> {
  const statement = sql === '-' ? await text(process.stdin) : sql
  const client = new FlightClient(options)
  let interrupted = false
  const onInterrupt = () => {
    interrupted = true
    client.cancel()
  }
  process.once('SIGINT', onInterrupt)
  const startedAt = performance.now()
  const progress: Progress = { rows: 0, bytes: 0 }
  const stopShowing = showProgress(progress, options, startedAt)
  try {
    const info = await client.plan(statement)
    const out = options.output === undefined ? process.stdout : createWriteStream(options.output)
    await writeRows(client, info, out, options, progress)
    stopShowing()
    if (!options.quiet) process.stderr.write(`${summary(progress, startedAt)}\n`)
    return ExitCode.ok
  } catch (error) {
    stopShowing()
    if (interrupted) return ExitCode.interrupted
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return ExitCode.ok
    process.stderr.write(`${describeFailure(error, options.endpoint)}\n`)
    return ExitCode.failed
  } finally {
    process.off('SIGINT', onInterrupt)
    client.close()
  }
}

async function writeRows(
  client: FlightClient,
  info: FlightInfo,
  out: Writable,
  options: QueryOptions,
  progress: Progress,
) {
  const format = options.format ?? (options.output === undefined && process.stdout.isTTY ? 'table' : 'csv')
  const messages = ipcStream(client, info, progress)
  const writer = new BackpressureWriter(out)
  if (format === 'arrow') for await (const piece of messages) await writer.write(piece)
  else {
    const rows = rowWriter(format, options)
    const reader = await RecordBatchReader.from(messages)
    await reader.open()
    await writer.write(rows.begin(reader.schema))
    for await (const batch of reader) {
      progress.rows += batch.numRows
      await writer.write(rows.batch(batch))
    }
    await writer.write(rows.end())
  }
  await writer.end(out !== process.stdout)
}

/** All endpoints as one IPC stream: the schema of the first, then the batches of all. */
async function* ipcStream(client: FlightClient, info: FlightInfo, progress: Progress): AsyncGenerator<Uint8Array> {
  let schemaSeen = false
  for (const endpoint of info.endpoint) {
    let first = true
    for await (const { dataHeader, dataBody } of client.read(endpoint)) {
      const isSchema = first
      first = false
      if (dataHeader.byteLength === 0 || (isSchema && schemaSeen)) continue
      if (isSchema) schemaSeen = true
      progress.bytes += dataHeader.byteLength + dataBody.byteLength
      const { header, body } = await withoutCompression({ header: dataHeader, body: dataBody })
      yield encapsulate(header)
      if (body.byteLength > 0) yield body
    }
  }
  yield END_OF_STREAM
}

function rowWriter(format: Exclude<RowFormat, 'arrow'>, options: QueryOptions): RowWriter {
  switch (format) {
    case 'table':
      return new TableWriter(options.maxRows, process.stdout.columns ?? DEFAULT_WIDTH)
    case 'csv':
      return new CsvWriter()
    case 'ndjson':
      return new JsonWriter(true)
    case 'json':
      return new JsonWriter(false)
  }
}

/** Waits for each write, so that memory stays bounded with a slow consumer. */
class BackpressureWriter {
  readonly #out: Writable
  #error: Error | undefined

  constructor(out: Writable) {
    this.#out = out
    out.on('error', (error: Error) => {
      this.#error = error
    })
  }

  async write(piece: string | Uint8Array): Promise<void> {
    if (piece.length === 0) return
    if (this.#error) throw this.#error
    await new Promise<void>((resolve, reject) => {
      this.#out.write(piece, (error) => (error ? reject(error) : resolve()))
    })
  }

  async end(close: boolean): Promise<void> {
    if (close) await new Promise<void>((resolve) => this.#out.end(() => resolve()))
    if (this.#error) throw this.#error
  }
}

function showProgress(progress: Progress, { quiet }: QueryOptions, startedAt: number): () => void {
  if (quiet || !process.stderr.isTTY) return () => {}
  const timer = setInterval(() => process.stderr.write(`\r\x1b[K${summary(progress, startedAt)}`), PROGRESS_EVERY_MS)
  return () => {
    clearInterval(timer)
    process.stderr.write('\r\x1b[K')
  }
}

function summary({ rows, bytes }: Progress, startedAt: number): string {
  const seconds = (performance.now() - startedAt) / 1000
  const megabytes = bytes / 1e6
  const what = rows > 0 ? `${rows.toLocaleString('en-US')} row${rows === 1 ? '' : 's'}, ` : ''
  return `${what}${megabytes.toFixed(1)} MB in ${seconds.toFixed(2)} s (${(megabytes / seconds).toFixed(1)} MB/s)`
}
