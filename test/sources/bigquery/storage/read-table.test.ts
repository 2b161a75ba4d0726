import { afterEach, describe, expect, it } from 'vitest'
import { readTable } from '../../../../src/sources/bigquery/storage/read-table.ts'
import type { StorageClient } from '../../../../src/sources/bigquery/storage/storage-client.ts'
import { type Break, breaks, ReadServer, type ReadServerOptions } from './read-server.ts'
import { clientOf, context, numbersOf, read, sorted, upTo } from './reading.ts'

const opened: { stop?(): Promise<void>; close?(): void }[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) {
    one.close?.()
    await one.stop?.()
  }
})

async function serve(options: ReadServerOptions = {}): Promise<{ server: ReadServer; client: StorageClient }> {
  const server = await ReadServer.start(options)
  const client = clientOf(server.address)
  opened.push(client, server)
  return { server, client }
}

describe('a table', () => {
  it('is read over all streams, each row once', async () => {
    const { server, client } = await serve({ streams: 4, messagesPerStream: 5 })
    const result = await readTable(read, client, context())
    expect(result.streams).toBe(4)
    expect(sorted(await numbersOf(result))).toEqual(upTo(200))
    expect(result.progress()).toBe(1)
    expect(server.sessions[0]!.request).toMatchObject({
      parent: 'projects/p',
      readSession: { table: 'projects/p/datasets/d/tables/t', dataFormat: 2 },
      maxStreamCount: 4,
      preferredMinStreamCount: 4,
    })
  })

  it('is read in the order of its rows by one stream, and in the order of the streams if there are several', async () => {
    const { server, client } = await serve({ streams: 3, messagesPerStream: 4 })
    const result = await readTable({ ...read, ordered: true }, client, context())
    expect(await numbersOf(result)).toEqual(upTo(120))
    expect(server.sessions[0]!.request).toMatchObject({ maxStreamCount: 1, preferredMinStreamCount: 1 })
  })

  it('each call names its table or stream in x-goog-request-params', async () => {
    const { server, client } = await serve({ streams: 2 })
    await numbersOf(await readTable(read, client, context()))
    const params = [...server.sessions, ...server.reads].map(({ call }) => call.headers['x-goog-request-params'])
    expect(params.sort()).toEqual([
      'read_session.table=projects%2Fp%2Fdatasets%2Fd%2Ftables%2Ft',
      'read_stream=projects%2Fp%2Flocations%2Fus%2Fsessions%2Fs%2Fstreams%2F0',
      'read_stream=projects%2Fp%2Flocations%2Fus%2Fsessions%2Fs%2Fstreams%2F1',
    ])
  })

  it('without rows has its schema and no streams', async () => {
    const { client } = await serve({ streams: 0 })
    const result = await readTable(read, client, context())
    expect(result.schema?.byteLength).toBeGreaterThan(0)
    expect(await numbersOf(result)).toEqual([])
    expect(result.progress()).toBe(1)
  })

  it('of an emulator that sends a whole IPC stream each time has the same rows', async () => {
    const { client } = await serve({ streams: 2, messagesPerStream: 3, sendsStreams: true })
    expect(sorted(await numbersOf(await readTable(read, client, context())))).toEqual(upTo(60))
  })
})

describe('a broken stream is read on from its last row', () => {
  const kinds = Object.keys(breaks) as Break[]
  it.each(kinds)('%s, before each message, and twice in a row', async (how) => {
    const readWithBreaks = async (afterMessages: number) => {
      const { server, client } = await serve({
        streams: 2,
        messagesPerStream: 4,
        fault: ({ attempt, stream }) => {
          if (stream === 0 && attempt < 2) return { afterMessages: attempt === 0 ? afterMessages : 0, how }
          return undefined
        },
      })
      let resumed = 0
      const result = await readTable({ ...read, onResume: () => resumed++ }, client, context())
      expect(sorted(await numbersOf(result))).toEqual(upTo(80))
      expect(resumed).toBeGreaterThanOrEqual(2)
      const offsets = server.reads.filter(({ stream }) => stream === 0).map(({ offset }) => offset)
      expect(offsets).toEqual([0, afterMessages * 10, afterMessages * 10])
    }
    await Promise.all([0, 1, 2, 3, 4].map(readWithBreaks))
  })
})
