// The naive way beside which `npm run bench -- stream` measures: a server that reads the whole result of the gateway at its URL,
// makes rows of it, and answers with them as NDJSON. Arguments: the gateway's HTTP address.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tableFromIPC } from 'apache-arrow'
import { post } from './http.ts'

const gateway = process.argv[2]!

const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  const chunks: Buffer[] = []
  for await (const chunk of await post(gateway, '/api/v1/stream', { ...JSON.parse(body), format: 'arrow' }))
    chunks.push(chunk)
  const rows = tableFromIPC(Buffer.concat(chunks)).toArray()
  const lines = rows.map((row) =>
    JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? Number(value) : value)),
  )
  response.end(`${lines.join('\n')}\n`)
})
server.listen(0, '127.0.0.1', () => {
  console.log(`listening 127.0.0.1:${(server.address() as AddressInfo).port}`)
})
