import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { FlightInfo } from '../../../gen/arrow/flight/protocol/Flight.ts'
import { withoutCompression } from '../../arrow/compression/decompress.ts'
import { frameOf } from '../../arrow/ipc/frame.ts'
import { readHeader } from '../../arrow/ipc/header.ts'
import { encapsulate, type IpcMessage } from '../../arrow/ipc/ipc.ts'
import { describeFailure } from '../client/describe-failure.ts'
import { ExitCode } from '../exit-code.ts'
import { FlightClient } from './flight-client.ts'
import type { QueryOptions, RowFormat } from './options.ts'
import { EncodedWriter, type RowWriter, TableWriter } from './row-writers.ts'

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
  const messages = messagesOf(client, info, progress)
  const writer = new BackpressureWriter(out)
  if (format === 'arrow') {
    for await (const message of messages) {
      const { header, body } = await withoutCompression(message)
      await writer.write(encapsulate(header))
      await writer.write(body)
    }
    await writer.write(END_OF_STREAM)
  } else await writeText(rowWriter(format, options), messages, writer, progress)
  await writer.end(out !== process.stdout)
}

async function writeText(
  rows: RowWriter,
  messages: AsyncIterable<IpcMessage>,
  writer: BackpressureWriter,
  progress: Progress,
): Promise<void> {
  let hasSchema = false
  for await (const { header, body } of messages) {
    const { kind, rows: count } = readHeader(header)
    const frame = frameOf(header, body, kind === 'batch' ? count : 0)
    if (!hasSchema) await writer.write(rows.begin(frame))
    else for await (const text of rows.batch(frame)) await writer.write(text)
    hasSchema = true
    progress.rows += frame.rows
  }
  await writer.write(rows.end())
}

/** The messages of all endpoints: the schema of the first, then the batches of all. */
async function* messagesOf(client: FlightClient, info: FlightInfo, progress: Progress): AsyncGenerator<IpcMessage> {
  let schemaSeen = false
  for (const endpoint of info.endpoint) {
    let first = true
    for await (const { dataHeader, dataBody } of client.read(endpoint)) {
      const isSchema = first
      first = false
      if (dataHeader.byteLength === 0 || (isSchema && schemaSeen)) continue
      if (isSchema) schemaSeen = true
      progress.bytes += dataHeader.byteLength + dataBody.byteLength
      yield { header: dataHeader, body: dataBody }
    }
  }
}

function rowWriter(format: Exclude<RowFormat, 'arrow'>, options: QueryOptions): RowWriter {
  switch (format) {
    case 'table':
      return new TableWriter(options.maxRows, process.stdout.columns ?? DEFAULT_WIDTH)
    case 'csv':
    case 'ndjson':
    case 'json':
      return new EncodedWriter(format)
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

  async write(piece: Uint8Array): Promise<void> {
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
