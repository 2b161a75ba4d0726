// The upstream of the BigQuery benchmark: the stand-in of the REST API, and a server of the Storage Read API that sends one
// prepared batch of 1 MiB over and over, so that it is not what limits the readers.
// node bench/support/bigquery-upstream.ts BATCHES

import { startBigQueryFake } from '../../test/fakes/bigquery/fake.ts'
import { largeTable } from '../../test/fakes/bigquery/large-table.ts'
import type { Row } from '../../test/fakes/bigquery/schema.ts'
import { batchMessage, schemaMessage } from '../../test/fakes/bigquery/storage/ipc.ts'
import { messages } from '../../test/fakes/bigquery/storage/messages.ts'
import { FakeUpstream } from '../../test/fakes/fake-upstream.ts'
import { framed, type UpstreamCall } from '../../test/fakes/upstream-call.ts'

const BATCH_ROWS = 20_000
const batches = Number(process.argv[2])
const table = largeTable(BATCH_ROWS)
const rowAt = table.rows as (index: number) => Row
const rows = Array.from({ length: BATCH_ROWS }, (_, index) => rowAt(index))
const message = framed(
  messages.ReadRowsResponse.encode({
    rowCount: BATCH_ROWS,
    arrowRecordBatch: { serializedRecordBatch: batchMessage(rows, table.schema) },
    stats: { progress: { atResponseStart: 0, atResponseEnd: 0 } },
  }).finish(),
)

function createSession(call: UpstreamCall): void {
  const { readSession, preferredMinStreamCount } = messages.CreateReadSessionRequest.decode(call.messages[0]!)
  const name = 'projects/test-project/locations/us/sessions/bench'
  const session = messages.ReadSession.encode({
    name,
    table: readSession!.table!,
    dataFormat: messages.DataFormat.ARROW,
    arrowSchema: { serializedSchema: schemaMessage(table.schema) },
    streams: Array.from({ length: preferredMinStreamCount || 1 }, (_, i) => ({
      name: `${name}/streams/${i}of${preferredMinStreamCount || 1}`,
    })),
  }).finish()
  void call.answer({ messages: [session] })
}

async function readRows(call: UpstreamCall): Promise<void> {
  const { readStream } = messages.ReadRowsRequest.decode(call.messages[0]!)
  const [, index, count] = /(\d+)of(\d+)$/.exec(readStream)!.map(Number)
  call.start()
  for (let i = index!; i < batches && !call.isOver; i += count!) await call.write(message)
  call.finish(0)
}

const storage = await FakeUpstream.start({
  answer: (call) => {
    if (call.method === 'CreateReadSession') createSession(call)
    else void readRows(call)
    return true
  },
})
const fake = await startBigQueryFake({ tables: [{ ...table, rows, numRows: BATCH_ROWS }], pageRows: 1000 })
process.stdout.write(`listening ${fake.endpoint} 127.0.0.1:${storage.port}\n`)
