import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { ReadRowsResponse } from '../../../../gen/google/cloud/bigquery/storage/v1/storage.ts'
import { encodeSchema } from '../../../../src/arrow/schema.ts'
import { GatewayError } from '../../../../src/query/errors.ts'
import { readJobStream } from '../../../../src/sources/bigquery/storage/read-job-stream.ts'
import { readTable } from '../../../../src/sources/bigquery/storage/read-table.ts'
import type { CallCredentials, StorageClient } from '../../../../src/sources/bigquery/storage/storage-client.ts'
import { StorageRefused } from '../../../../src/sources/bigquery/storage/storage-error.ts'
import type { StorageOptions } from '../../../../src/sources/bigquery/storage/storage-options.ts'
import { ReadServer, type ReadServerOptions, responseOf, schema, sessionOf } from './read-server.ts'
import { clientOf, context, numbersOf, read, sorted, sumOf, upTo } from './reading.ts'

const opened: { stop?(): Promise<void>; close?(): void }[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) {
    one.close?.()
    await one.stop?.()
  }
})

async function serve(
  options: ReadServerOptions = {},
  settings: Partial<StorageOptions> = {},
  credentials?: CallCredentials,
): Promise<{ server: ReadServer; client: StorageClient }> {
  const server = await ReadServer.start(options)
  const client = clientOf(server.address, settings, credentials)
  opened.push(client, server)
  return { server, client }
}

/** The error of a read, at its begin or later. */
async function failureOf(client: StorageClient, signal?: AbortSignal): Promise<GatewayError> {
  try {
    await numbersOf(await readTable(read, client, context(signal)))
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('the read did not fail')
}

const statusInSession = (status: number, text: string): ReadServerOptions => ({
  session: (call) => {
    call.finish(status, text)
    return true
  },
})
const statusInRows = (status: number, text: string): ReadServerOptions => ({
  messagesPerStream: 2,
  fault: () => ({ answer: ({ call }) => call.finish(status, text) }),
})

describe('a refusal before the first row says that REST may have the rows', () => {
  it.each([
    ['forbidden', 'UPSTREAM_FORBIDDEN', 7, "the user does not have 'bigquery.readsessions.create' permission"],
    ['unsupported', 'UPSTREAM_UNIMPLEMENTED', 12, 'not implemented'],
    ['unsupported', 'UPSTREAM_FAILED', 3, 'views cannot be read'],
    ['unsupported', 'UPSTREAM_FAILED', 2, 'Storage API is not available for query'],
  ])('%s: %s, from the session and from the stream', async (refusal, code, status, text) => {
    for (const options of [statusInSession(status, text), statusInRows(status, text)]) {
      const { server, client } = await serve(options)
      const error = await failureOf(client)
      expect(error).toMatchObject({ code, refusal })
      expect(error).toBeInstanceOf(StorageRefused)
      expect(server.sessions).toHaveLength(1)
      expect(server.reads.length).toBeLessThanOrEqual(1)
    }
  })

  it('an endpoint that cannot be reached', async () => {
    const { server, client } = await serve()
    await server.stop()
    expect(await failureOf(client)).toMatchObject({ code: 'SOURCE_UNAVAILABLE', refusal: 'unreachable' })
  })

  it('but not for a table that does not exist', async () => {
    const { client } = await serve(statusInSession(5, 'Not found: Table p:d.t'))
    const error = await failureOf(client)
    expect(error).toMatchObject({ code: 'UNKNOWN_OBJECT', message: 'Not found: Table p:d.t' })
    expect(error).not.toBeInstanceOf(StorageRefused)
  })

  it('and not after a row was passed on', async () => {
    const { client } = await serve({
      messagesPerStream: 3,
      fault: ({ call }) => ({
        answer: async () => {
          call.start()
          await call.writeMessage(ReadRowsResponse.encode(responseOf(0, 10)).finish())
          call.finish(7, 'no permission any more')
        },
      }),
    })
    const error = await failureOf(client)
    expect(error.code).toBe('UPSTREAM_FORBIDDEN')
    expect(error).not.toBeInstanceOf(StorageRefused)
  })
})

describe('attempts are bounded', () => {
  it('PERMISSION_DENIED is never repeated, UNAVAILABLE only a few times without a row', async () => {
    const denied = await serve(statusInRows(7, 'denied'))
    await failureOf(denied.client)
    expect(denied.server.reads).toHaveLength(1)
    const busy = await serve(statusInRows(14, 'busy'))
    expect(await failureOf(busy.client)).toMatchObject({ code: 'UPSTREAM_BUSY', grpc: 'UNAVAILABLE' })
    expect(busy.server.reads).toHaveLength(6)
  })

  it('the deadline ends the wait for the next attempt', async () => {
    const { client } = await serve(statusInRows(14, 'busy'))
    const signal = AbortSignal.timeout(200)
    const error = await readTable(read, client, context(signal)).catch((thrown: unknown) => thrown)
    expect(error).toBe(signal.reason)
  })

  it('an expired session tells so, and what to do', async () => {
    const { client } = await serve(statusInRows(9, 'Stream expired: projects/p/locations/us/sessions/s'))
    expect(await failureOf(client)).toMatchObject({ code: 'UPSTREAM_TIMEOUT' })
  })
})

describe('credentials', () => {
  it('are renewed when the server refuses them, in the session and in the middle of a stream', async () => {
    let valid = 'second'
    const asked: boolean[] = []
    let token = 'first'
    const check = (call: { headers: Record<string, unknown>; finish(status: number, text: string): void }) => {
      if (call.headers['authorization'] === `Bearer ${valid}`) return false
      call.finish(16, 'Request had invalid authentication credentials.')
      return true
    }
    const { server, client } = await serve(
      {
        messagesPerStream: 3,
        session: (call) => check(call),
        fault: ({ call, attempt }) => {
          if (attempt === 0) {
            valid = 'third'
            return { afterMessages: 1, how: 'UNAVAILABLE' }
          }
          return call.headers['authorization'] === `Bearer ${valid}` ? undefined : { answer: () => check(call) }
        },
      },
      {},
      async (isRefused) => {
        asked.push(isRefused)
        if (isRefused) token = token === 'first' ? 'second' : 'third'
        return { authorization: `Bearer ${token}` }
      },
    )
    expect(await numbersOf(await readTable(read, client, context()))).toEqual(upTo(30))
    expect(asked).toEqual([false, true, false, false, true])
    expect(server.reads).toHaveLength(3)
  })

  it('that are refused again fail as a login, once', async () => {
    const { server, client } = await serve(statusInRows(16, 'expired'))
    expect(await failureOf(client)).toMatchObject({ code: 'UPSTREAM_LOGIN' })
    expect(server.reads).toHaveLength(2)
  })

  it('that cannot be renewed end the read with the error of the login, without another attempt', async () => {
    let asked = 0
    const login = new GatewayError('UPSTREAM_LOGIN', 'no token')
    const { server, client } = await serve(
      { fault: () => ({ afterMessages: 0, how: 'UNAVAILABLE' }) },
      {},
      async () => {
        if (++asked > 2) throw login
        return {}
      },
    )
    expect(await failureOf(client)).toBe(login)
    expect([asked, server.reads.length]).toEqual([3, 1])
  })

  it('of an anonymous source are none', async () => {
    const { server, client } = await serve()
    await numbersOf(await readTable(read, client, context()))
    expect(server.reads[0]!.call.headers['authorization']).toBeUndefined()
  })
})

describe('a hostile server', () => {
  const altered = (alter: NonNullable<ReadServerOptions['alter']>) => serve({ messagesPerStream: 3, alter })
  const withBatch = (bytes: Uint8Array): ReadServerOptions['alter'] => {
    return (response, _, message) =>
      message < 1
        ? response
        : { ...response, rows: { $case: 'arrowRecordBatch', value: { serializedRecordBatch: bytes, rowCount: 0n } } }
  }

  it.each<readonly [string, NonNullable<ReadServerOptions['alter']>]>([
    ['another number of rows', (response, _, i) => ({ ...response, rowCount: i === 1 ? 11n : response.rowCount })],
    ['a negative number of rows', (response, _, i) => ({ ...response, rowCount: i === 1 ? -1n : response.rowCount })],
    ['no Arrow message', withBatch(Buffer.from('not Arrow at all'))!],
    ['a prefix alone', withBatch(Buffer.from('ffffffff', 'hex'))!],
    ['a flatbuffer longer than the message', withBatch(Buffer.from('ffffffffffffff7f00000000', 'hex'))!],
    ['a compressed payload', (response, _, i) => (i === 1 ? { ...response, uncompressedByteSize: 1000n } : response)],
  ])('with %s ends the read with UPSTREAM_DATA', async (_, alter) => {
    const { server, client } = await altered(alter)
    expect(await failureOf(client)).toMatchObject({ code: 'UPSTREAM_DATA', grpc: 'DATA_LOSS' })
    expect(server.reads).toHaveLength(1)
  })

  it('with a batch that is cut short, or has a schema of other types, ends the read with UPSTREAM_DATA', async () => {
    const cut = await altered((response, _, i) => {
      const { value } = response.rows!
      const bytes = value.serializedRecordBatch.subarray(0, -8)
      return i === 0
        ? response
        : { ...response, rows: { $case: 'arrowRecordBatch', value: { ...value, serializedRecordBatch: bytes } } }
    })
    expect(await failureOf(cut.client)).toMatchObject({ code: 'UPSTREAM_DATA' })
    const text = 'ARROW' // The schema of a column of text, in the middle of the result.
    const { tableFromArrays, tableToIPC } = await import('apache-arrow')
    const { joinStream, readStream } = await import('../../../../src/arrow/ipc/ipc.ts')
    const other = joinStream([[...readStream(tableToIPC(tableFromArrays({ n: [text] }), 'stream'))][0]!])
    const changed = await altered((response, _, i) =>
      i === 0 ? response : { ...response, schema: { $case: 'arrowSchema', value: { serializedSchema: other } } },
    )
    expect(await failureOf(changed.client)).toMatchObject({ code: 'UPSTREAM_DATA' })
  })

  it('with a message of 4 GB ends the read before it is buffered', async () => {
    const { client } = await serve({
      fault: () => ({
        answer: async ({ call }) => {
          call.start()
          await call.write(Buffer.from('00ffffffff', 'hex'))
        },
      }),
    })
    expect(await failureOf(client)).toMatchObject({ code: 'UPSTREAM_TOO_LARGE' })
  })

  it('with endless messages without rows ends the read', async () => {
    const empty = Buffer.concat(
      Array.from({ length: 500 }, () => {
        const message = ReadRowsResponse.encode({ ...responseOf(0, 0), rows: undefined, schema: undefined }).finish()
        const prefix = Buffer.alloc(5)
        prefix.writeUInt32BE(message.byteLength, 1)
        return Buffer.concat([prefix, message])
      }),
    )
    const { server, client } = await serve({
      fault: () => ({
        answer: async ({ call }) => {
          call.start()
          await call.repeatWrite(empty)
        },
      }),
    })
    expect(await failureOf(client)).toMatchObject({ code: 'UPSTREAM_DATA' })
    await expect.poll(() => server.running).toBe(0)
  })

  it('with a malformed session, or one without a schema, ends the read', async () => {
    const answer = (message: Uint8Array): ReadServerOptions => ({
      session: (call) => {
        void call.answer({ messages: [message] })
        return true
      },
    })
    for (const message of [Buffer.from('ffff', 'hex'), new Uint8Array(0), sessionOf(1, Buffer.from('no schema'))]) {
      const { client } = await serve(answer(message))
      expect(await failureOf(client)).toMatchObject({ code: 'UPSTREAM_DATA' })
    }
  })
})

describe('streams', () => {
  it('that stall are opened again, and the rows of the others come meanwhile', async () => {
    const { server, client } = await serve(
      {
        streams: 2,
        messagesPerStream: 4,
        fault: ({ stream, attempt, call }) =>
          stream === 1 && attempt === 0
            ? {
                answer: async () => {
                  call.start()
                  await call.writeMessage(ReadRowsResponse.encode(responseOf(40, 10)).finish())
                },
              }
            : undefined,
      },
      { stallTimeoutMs: 2000 },
    )
    expect(sorted(await numbersOf(await readTable(read, client, context())))).toEqual(upTo(80))
    expect(server.reads.map(({ stream, offset }) => [stream, offset])).toEqual([
      [0, 0],
      [1, 0],
      [1, 10],
    ])
    expect(server.cancelled).toBe(1)
  })

  it('send no more than the bound while the reader does not read, and all of it afterwards', async () => {
    const [rows, messages, streams, readAheadBytes] = [5000, 50, 4, 2 << 20]
    const { server, client } = await serve(
      { streams, messagesPerStream: messages, rowsPerMessage: rows },
      { readAheadBytes },
    )
    const result = await readTable(read, client, context())
    let last = -1
    while (last !== server.sentBytes) {
      last = server.sentBytes
      await sleep(300)
    }
    // The windows are half of it and the messages the other half; one message of each stream is in the making.
    expect(server.sentBytes).toBeLessThan(readAheadBytes + streams * 2 * rows * 8)
    const all = rows * messages * streams
    expect(all).toBe(1_000_000)
    expect(await sumOf(result)).toEqual({ rows: all, sum: (BigInt(all) * BigInt(all - 1)) / 2n })
  })

  it('end at the server when the reader leaves, and when the statement is cancelled', async () => {
    const options = { streams: 4, messagesPerStream: 100, rowsPerMessage: 50_000 }
    const { server, client } = await serve(options)
    const left = await readTable(read, client, context())
    await left.frames[Symbol.asyncIterator]().return!()
    await expect.poll(() => server.running).toBe(0)
    expect(server.cancelled).toBe(4)
    const cancel = new AbortController()
    const cancelled = await readTable(read, client, context(cancel.signal))
    const rest = numbersOf(cancelled)
    const reason = new GatewayError('CANCELLED')
    setTimeout(() => cancel.abort(reason), 20)
    await expect(rest).rejects.toBe(reason)
    await expect.poll(() => server.running).toBe(0)
  })

  it('share a connection, which is replaced after GOAWAY', async () => {
    const { server, client } = await serve({ streams: 4, messagesPerStream: 3 })
    for (let i = 0; i < 3; i++) await numbersOf(await readTable(read, client, context()))
    expect(server.upstream.counts.connections).toBe(1)
    for (const connection of server.upstream.sessions) connection.close()
    await expect.poll(() => server.upstream.sessions.size).toBe(0)
    expect(sorted(await numbersOf(await readTable(read, client, context())))).toEqual(upTo(120))
    expect(server.upstream.counts.connections).toBe(2)
  })
})

describe('the stream of a job', () => {
  it('is read from an offset on, with the schema that it sends', async () => {
    const { server, client } = await serve({ messagesPerStream: 3 })
    const job = { project: 'p', location: 'us', jobId: 'j', schema }
    const rest = await readJobStream({ ...job, offset: 10 }, client, context())
    expect(await numbersOf(rest)).toEqual(upTo(30).slice(10))
    const whole = await readJobStream({ ...job, offset: 0 }, client, context())
    expect(await numbersOf(whole)).toEqual(upTo(30))
    expect(server.reads[0]!.call.headers['x-goog-request-params']).toBe(
      'read_stream=projects%2Fp%2Flocations%2Fus%2Fjobs%2Fj%2Fstreams%2F_default',
    )
  })

  it('that sends no schema is read by the one that jobs.query sent', async () => {
    const { client } = await serve({ alter: (response) => ({ ...response, schema: undefined }) })
    const job = { project: 'p', location: 'us', jobId: 'j', offset: 0, schema }
    expect(await numbersOf(await readJobStream(job, client, context()))).toEqual(upTo(10))
  })

  it('that sends another schema: UPSTREAM_DATA', async () => {
    const { client } = await serve()
    const other = encodeSchema({
      name: '',
      format: '+s',
      nullable: false,
      metadata: [],
      children: [{ name: 'other', format: 'u', nullable: true, metadata: [], children: [] }],
    })
    const job = { project: 'p', location: 'us', jobId: 'j', offset: 0, schema: other }
    const failed = await readJobStream(job, client, context()).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'UPSTREAM_DATA' })
  })

  it('without rows has no frames', async () => {
    const { client } = await serve({ messagesPerStream: 0 })
    const empty = await readJobStream(
      { project: 'p', location: 'us', jobId: 'j', offset: 0, schema },
      client,
      context(),
    )
    for await (const group of empty.frames) expect(group).toEqual([])
  })
})
