import { RecordBatchReader } from 'apache-arrow'
import { readFrame } from '../../../../src/arrow/ipc/flight-data.ts'
import { joinStream } from '../../../../src/arrow/ipc/ipc.ts'
import { type CallCredentials, StorageClient } from '../../../../src/sources/bigquery/storage/storage-client.ts'
import { type StorageOptions, storageDefaults } from '../../../../src/sources/bigquery/storage/storage-options.ts'
import type { StorageRead } from '../../../../src/sources/bigquery/storage/storage-read.ts'

/** A client of a server in the test. */
export function clientOf(
  address: StorageOptions['address'],
  options: Partial<StorageOptions> = {},
  credentials: CallCredentials = async () => ({}),
): StorageClient {
  return new StorageClient('bq', { ...storageDefaults, address, ...options }, credentials)
}

/** A context without a time limit. */
export function context(signal: AbortSignal = new AbortController().signal) {
  return { signal, deadlineAt: Number.POSITIVE_INFINITY }
}

export const table = { project: 'p', dataset: 'd', table: 't' }
export const read = { table, parentProject: 'p', ordered: false }

/** The values of the column `n`, in order of arrival. */
export async function numbersOf({ schema, frames }: StorageRead): Promise<number[]> {
  const values: number[] = []
  const head = readFrame(schema!)
  for await (const group of frames)
    for (const frame of group) {
      const { header, body } = readFrame(frame)
      const reader = RecordBatchReader.from(
        joinStream([
          { header: head.header, body: head.body },
          { header, body },
        ]),
      )
      for (const batch of reader) for (const row of batch) values.push(Number(row['n']))
      frame.release?.()
    }
  return values
}

/** Number of rows, and sum of the column `n`, whose buffer is the last one of each batch. */
export async function sumOf({ frames }: StorageRead): Promise<{ rows: number; sum: bigint }> {
  let [rows, sum] = [0, 0n]
  for await (const group of frames)
    for (const frame of group) {
      const values = Buffer.from(readFrame(frame).body).subarray(-8 * frame.rows)
      for (let i = 0; i < frame.rows; i++) sum += values.readBigInt64LE(8 * i)
      rows += frame.rows
      frame.release?.()
    }
  return { rows, sum }
}

/** 0, 1, 2, ... */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

export const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b)
