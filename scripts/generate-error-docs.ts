// Writes docs/errors.md from the error table; with --check it only compares the page with the table.
import { readFileSync, writeFileSync } from 'node:fs'
import { type ErrorCode, errorTable, GrpcStatus } from '../src/query/errors.ts'

const page = new URL('../docs/errors.md', import.meta.url)

/** The expected content of the page. */
export function errorDocs(): string {
  const rows = (Object.keys(errorTable) as ErrorCode[]).map((code) => {
    const { grpc, http, retryable, message, ...traits } = errorTable[code]
    const names = (['outage', 'overload', 'fault', 'quotes'] as const).filter((trait) => traits[trait]).join(', ')
    return `| \`${code}\` | ${grpc} (${GrpcStatus[grpc]}) | ${http} | ${retryable ? 'yes' : 'no'} | ${names} | ${message} |`
  })
  return `# Errors

An error ends a call with a gRPC status and these trailers. Look up \`x-flightgate-error\` in the table of codes.

| Trailer | Meaning |
|---|---|
| \`x-flightgate-error\` | the code |
| \`x-request-id\` | the id of the call in the gateway's log |
| \`x-flightgate-sql-position\` | \`line:column\` of a SQL error, counted from 1 |
| \`grpc-retry-pushback-ms\`, \`retry-after\` | when to retry (milliseconds, seconds) |
| \`grpc-status-details-bin\` | the same as \`google.rpc.Status\` with ErrorInfo, RequestInfo and RetryInfo |

## Codes

"Retry" tells whether the same call may succeed later unchanged. The message may say more than the sentence: the limit, the table, the
engine's own words about the SQL. A code may have traits, which tell how the gateway treats the error:

| Trait | The error means | The gateway |
|---|---|---|
| \`outage\` | the source failed, or refused for a reason other than the request | continues with what it last knew of the source's catalog, and leaves the source out of metadata calls that cover all sources |
| \`overload\` | the source is overloaded | runs fewer statements at the source at the same time, down to \`minStreams\` |
| \`fault\` | the gateway or the source malfunctioned | writes a log line at the level \`error\` |
| \`quotes\` | the message may quote the statement, a value or the engine | logs the sentence of the table in place of the message, unless \`log.statements\` is \`text\`; the client gets the message |

| Code | gRPC status | HTTP | Retry | Traits | Sentence |
|---|---|---|---|---|---|
${rows.join('\n')}

A client that stops reading gets \`STALLED\` as an HTTP/2 reset (ENHANCE_YOUR_CALM): a status would wait behind the data that the client
does not read.
`
}

if (import.meta.main) {
  if (!process.argv.includes('--check')) writeFileSync(page, errorDocs())
  else if (readFileSync(page, 'utf8') !== errorDocs()) {
    process.stderr.write('docs/errors.md is not current: run scripts/generate-error-docs.ts\n')
    process.exitCode = 1
  }
}
