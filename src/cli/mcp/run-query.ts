import type { ExecuteSummary, Statement } from '../../../gen/flightgate/v1/gateway_service.ts'
import { withoutCompression } from '../../arrow/compression/decompress.ts'
import { ArrowError } from '../../arrow/errors.ts'
import { frameOf } from '../../arrow/ipc/frame.ts'
import { readHeader } from '../../arrow/ipc/header.ts'
import { readStream } from '../../arrow/ipc/ipc.ts'
import { columnsOf, createRowEncoder, type RowEncoder } from '../../arrow/text/row-encoder.ts'
import type { GatewayClient } from '../client/gateway-client.ts'
import { BoundedLines } from './bounded-lines.ts'

/** Bounds of the rows of an answer. */
export interface RowBounds {
  readonly maxRows: number
  readonly maxBytes: number
}

/**
 * Runs a statement until its rows end or the answer is full, which cancels it.
 * @returns lines of JSON: the columns, an array of values for each row, and what is to be known of the answer
 * @throws grpc.ServiceError
 */
export async function runQuery(client: GatewayClient, statement: Statement, bounds: RowBounds): Promise<string> {
  const rows = new BoundedLines(bounds.maxRows, bounds.maxBytes)
  let encoder: RowEncoder | undefined
  let columns: readonly string[] = []
  let summary: ExecuteSummary | undefined
  for await (const { part } of client.execute({ statement })) {
    if (part?.$case === 'summary') summary = part.value
    else if (part) {
      const [message] = readStream(part.value)
      const { header, body } = await withoutCompression(message!)
      const { kind, rows: count } = readHeader(header)
      const frame = frameOf(header, body, kind === 'batch' ? count : 0)
      if (encoder) await addRows(rows, encoder, frame, bounds.maxBytes)
      else {
        encoder = createRowEncoder('ndjson', frame, { chunkRows: 1, rowFormat: 'arrays', maxRowBytes: bounds.maxBytes })
        columns = columnsOf(frame).map(({ name, type }) => `${name} ${type}`)
      }
    }
    if (rows.cut !== undefined) break
  }
  return [
    JSON.stringify({ columns }),
    ...(rows.count > 0 ? [rows.text] : []),
    JSON.stringify(endOf(rows, summary)),
  ].join('\n')
}

async function addRows(
  rows: BoundedLines,
  encoder: RowEncoder,
  frame: Parameters<RowEncoder['batch']>[0],
  maxBytes: number,
): Promise<void> {
  const pieces: Uint8Array[] = []
  try {
    for await (const { bytes, rows: count } of encoder.batch(frame)) {
      pieces.push(bytes)
      // The next piece goes on with the row.
      if (count === 0) continue
      if (rows.add(Buffer.concat(pieces.splice(0)).toString().trimEnd())) continue
      if (rows.count === 0) rows.cut = largeRow(maxBytes)
      return
    }
  } catch (error) {
    if (!(error instanceof ArrowError) || error.code !== 'ROW_TOO_LARGE') throw error
    rows.cut = largeRow(maxBytes)
  }
}

function largeRow(maxBytes: number): string {
  return `a row is larger than an answer may be (${maxBytes} bytes)`
}

function endOf({ count, cut }: BoundedLines, summary: ExecuteSummary | undefined): object {
  const { costUsd, billedBytes, cacheHit } = summary?.metrics ?? {}
  return {
    rows: count,
    truncated: cut !== undefined,
    ...(cut !== undefined && { why: `${cut}: aggregate, filter or name columns to see less` }),
    ...(costUsd !== undefined && { cost_usd: costUsd }),
    ...(billedBytes !== undefined && { billed_bytes: Number(billedBytes) }),
    ...(cacheHit && { cache_hit: true }),
  }
}
