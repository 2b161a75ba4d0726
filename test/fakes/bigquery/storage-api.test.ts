import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { RecordBatchReader, tableFromIPC } from 'apache-arrow'
import { afterEach, describe, expect, it } from 'vitest'
import { type BigQueryFake, type BigQueryFakeOptions, startBigQueryFake } from './fake.ts'
import { messages } from './storage/messages.ts'
import type { TableDeclaration } from './table.ts'

const numbers: TableDeclaration = {
  dataset: 'shop',
  name: 'numbers',
  schema: [
    { name: 'n', type: 'INT64' },
    { name: 'text', type: 'STRING' },
  ],
  rows: Array.from({ length: 1000 }, (_, index) => ({ f: [{ v: String(index) }, { v: `row ${index}` }] })),
}
const path = (name: string) => `projects/test-project/datasets/shop/tables/${name}`

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const item of open.splice(0).reverse()) await item.close()
})

async function started(options: BigQueryFakeOptions = {}) {
  const view: TableDeclaration = {
    ...numbers,
    name: 'view',
    kind: 'VIEW',
    rows: [],
    query: 'SELECT n FROM shop.numbers',
  }
  const tables = [numbers, { ...numbers, name: 'nothing', rows: [] }, view]
  const fake: BigQueryFake = await startBigQueryFake({ tables, batchRows: 100, smallTableBytes: 10, ...options })
  const client = new Client(fake.storageEndpoint, credentials.createInsecure())
  open.push(fake, client)
  return { fake, ...callsOf(client) }
}

type Session = {
  readonly streams: readonly { readonly name: string }[]
  readonly arrowSchema: { serializedSchema: Buffer }
}
type Answer = {
  readonly rowCount: number
  readonly arrowRecordBatch: { serializedRecordBatch: Buffer }
  readonly arrowSchema?: { serializedSchema: Buffer } | null
  readonly stats: { progress: { atResponseEnd: number } }
}

const service = '/google.cloud.bigquery.storage.v1.BigQueryRead'

function callsOf(client: Client) {
  const routed = (value: string | undefined) => {
    const metadata = new Metadata()
    if (value !== undefined) metadata.set('x-goog-request-params', value)
    return metadata
  }
  const createSession = (name: string, options: object = {}, readOptions: object = {}, params?: string | null) =>
    new Promise<Session>((resolve, reject) => {
      const table = path(name)
      const request = {
        parent: 'projects/test-project',
        readSession: { table, dataFormat: messages.DataFormat.ARROW, readOptions },
        ...options,
      }
      client.makeUnaryRequest(
        `${service}/CreateReadSession`,
        (value: object) => Buffer.from(messages.CreateReadSessionRequest.encode(value).finish()),
        (bytes: Buffer) => messages.ReadSession.decode(bytes) as unknown as Session,
        request,
        routed(params === null ? undefined : (params ?? `read_session.table=${encodeURIComponent(table)}`)),
        (error: ServiceError | null, session?: Session) => (error ? reject(error) : resolve(session!)),
      )
    })
  const readRows = async (readStream: string, offset = 0, limit = Number.POSITIVE_INFINITY) => {
    const call = client.makeServerStreamRequest(
      `${service}/ReadRows`,
      (value: object) => Buffer.from(messages.ReadRowsRequest.encode(value).finish()),
      (bytes: Buffer) => messages.ReadRowsResponse.decode(bytes) as unknown as Answer,
      { readStream, offset },
      routed(`read_stream=${readStream}`),
    )
    const answers: Answer[] = []
    let error: ServiceError | undefined
    try {
      for await (const answer of call) {
        answers.push(answer as Answer)
        if (answers.length >= limit) break
      }
    } catch (failure) {
      error = failure as ServiceError
    }
    call.cancel()
    return { answers, error, rows: answers.reduce((sum, { rowCount }) => sum + Number(rowCount), 0) }
  }
  return { createSession, readRows }
}

describe('CreateReadSession', () => {
  it.each([
    [{ preferredMinStreamCount: 4 }, 4],
    [{ maxStreamCount: 3 }, 3],
    [{}, 1],
    [{ preferredMinStreamCount: 100 }, 8],
  ])('%j: %i streams', async (options, streams) => {
    const { createSession } = await started()
    expect((await createSession('numbers', options)).streams).toHaveLength(streams)
  })

  it('gives a small table one stream, and an empty one none but a schema', async () => {
    const { createSession } = await started({ smallTableBytes: 1e6 })
    expect((await createSession('numbers', { preferredMinStreamCount: 4 })).streams).toHaveLength(1)
    const { streams, arrowSchema } = await createSession('nothing')
    expect(streams).toEqual([])
    expect(tableFromIPC(arrowSchema.serializedSchema).schema.names).toEqual(['n', 'text'])
  })

  it.each([
    [
      'numbers',
      { preferredMinStreamCount: 4, maxStreamCount: 2 },
      undefined,
      status.INVALID_ARGUMENT,
      'max_stream_count',
    ],
    ['numbers', {}, null, status.INVALID_ARGUMENT, "Request is missing 'x-goog-request-params' header"],
    ['missing', {}, undefined, status.NOT_FOUND, 'not found'],
    ['view', {}, undefined, status.INVALID_ARGUMENT, 'of type VIEW'],
  ])('of %s with %j fails', async (table, options, params, code, details) => {
    const { createSession } = await started()
    await expect(createSession(table, options, {}, params)).rejects.toMatchObject({
      code,
      details: expect.stringContaining(details),
    })
  })

  it('fails without the permission', async () => {
    const { createSession } = await started({ denyStorage: true })
    await expect(createSession('numbers')).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
      details: expect.stringContaining('bigquery.readsessions.create'),
    })
  })

  it('reads some columns of some rows', async () => {
    const { createSession, readRows } = await started()
    const { streams } = await createSession('numbers', {}, { selectedFields: ['text'], rowRestriction: 'n >= 990' })
    const { answers } = await readRows(streams[0]!.name)
    const parts = [answers[0]!.arrowSchema!.serializedSchema, answers[0]!.arrowRecordBatch.serializedRecordBatch]
    const table = tableFromIPC(RecordBatchReader.from(Buffer.concat(parts)))
    expect(table.toArray().map(({ text }) => text)).toEqual(
      Array.from({ length: 10 }, (_, index) => `row ${990 + index}`),
    )
  })
})

describe('ReadRows', () => {
  it('sends exactly one IPC message in each answer, the schema beside the first, and its progress', async () => {
    const { createSession, readRows } = await started()
    const { streams } = await createSession('numbers', { preferredMinStreamCount: 2 })
    const { answers } = await readRows(streams[0]!.name)
    expect(answers).toHaveLength(5)
    for (const [index, { arrowSchema, arrowRecordBatch, stats }] of answers.entries()) {
      const bytes = arrowRecordBatch.serializedRecordBatch
      expect(bytes.readInt32LE(0)).toBe(-1)
      expect(arrowSchema?.serializedSchema !== undefined).toBe(index === 0)
      expect(stats.progress.atResponseEnd).toBeCloseTo((index + 1) / 5)
    }
  })

  it('divides the rows, unevenly if wanted', async () => {
    const { createSession, readRows } = await started({ lopsided: true })
    const { streams } = await createSession('numbers', { preferredMinStreamCount: 4 })
    const rows = await Promise.all(streams.map(async ({ name }) => (await readRows(name)).rows))
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(1000)
    expect(Math.max(...rows)).toBeGreaterThan(800)
  })

  it('goes on from an offset: at the end with nothing, beyond it with an error', async () => {
    const { createSession, readRows } = await started()
    const { name } = (await createSession('numbers')).streams[0]!
    expect((await readRows(name, 950)).rows).toBe(50)
    expect(await readRows(name, 1000)).toEqual({ answers: [], error: undefined, rows: 0 })
    expect((await readRows(name, 1001)).error).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('offset 1001 has not been allocated yet'),
    })
  })

  it.each([
    [status.UNAVAILABLE, 'Connection reset'],
    [status.INTERNAL, 'Received RST_STREAM with error code 2'],
    [status.INTERNAL, 'Stream removed'],
  ])('breaks with %i %s where a test wants it', async (code, message) => {
    const { fake, createSession, readRows } = await started()
    const { name } = (await createSession('numbers')).streams[0]!
    fake.faults.add({ method: 'ReadRows', afterMessages: 3, status: { code, message } })
    expect(await readRows(name)).toMatchObject({ rows: 300, error: { code, details: message } })
    expect((await readRows(name, 300)).rows).toBe(700)
  })

  it('is reset where a test wants it', async () => {
    const { fake, createSession, readRows } = await started()
    const { name } = (await createSession('numbers')).streams[0]!
    fake.faults.add({ method: 'ReadRows', afterMessages: 3, reset: true })
    expect((await readRows(name)).error).toMatchObject({
      code: status.INTERNAL,
      details: expect.stringContaining('RST_STREAM'),
    })
  })

  it('stalls where a test wants it, until the reader gives up', async () => {
    const { fake, createSession, readRows } = await started()
    const { name } = (await createSession('numbers')).streams[0]!
    fake.faults.add({ method: 'ReadRows', afterMessages: 2, stall: true })
    expect((await readRows(name, 0, 2)).rows).toBe(200)
  })

  it('ends with its session', async () => {
    const { createSession, readRows } = await started({ sessionMs: -1 })
    const { name } = (await createSession('numbers')).streams[0]!
    expect((await readRows(name)).error).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('Stream expired'),
    })
  })
})
