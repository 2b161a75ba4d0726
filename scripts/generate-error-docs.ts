// Writes docs/errors.md from the error table; with --check it only compares the page with the table.
import { readFileSync, writeFileSync } from 'node:fs'
import { type ErrorCode, errorTable, GrpcStatus } from '../src/query/errors.ts'

const page = new URL('../docs/errors.md', import.meta.url)

/** The expected content of the page. */
export function errorDocs(): string {
  const rows = (Object.keys(errorTable) as ErrorCode[]).map((code) => {
    const { grpc, http, retryable, message, ...traits } = errorTable[code]
    const kinds = (['outage', 'overload', 'fault'] as const).filter((kind) => traits[kind]).join(', ')
    return `| \`${code}\` | ${grpc} (${GrpcStatus[grpc]}) | ${http} | ${retryable ? 'yes' : 'no'} | ${kinds} | ${message} |`
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
engine's own words about the SQL. "Kind" tells what the gateway does with the error:

| Kind | The gateway |
|---|---|
| \`outage\` | continues with what it knew of the source's catalog, since the source failed or refused |
| \`overload\` | lowers the number of statements that run at the source at once, down to \`minStreams\` |
| \`fault\` | writes a log line on the level \`error\` |

| Code | gRPC status | HTTP | Retry | Kind | Sentence |
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
