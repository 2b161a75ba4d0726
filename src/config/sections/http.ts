import { z } from 'zod'
import { wholeNumber } from '../setting/value.ts'

/** Largest number of rows of a chunk that can be configured. */
export const MAX_CHUNK_ROWS = 1_000_000

/** Schema of `http`. */
export const httpSchema = z.strictObject({
  maxConnections: wholeNumber(
    'Client connections of the HTTP port, those of probes included. At the limit, a new connection replaces the one that has been idle for longest, without a running call. If all have one, the gateway closes the new connection.',
    { min: 1, max: 1_000_000, default: 1000 },
  ),
  maxBodyBytes: wholeNumber('Largest body of a request.', { min: 1024, max: 256 << 20, default: 1 << 20 }),
  bodyTimeoutMs: wholeNumber('Time that a client has to send the body of its request.', {
    min: 10,
    max: 3_600_000,
    default: 30_000,
  }),
  chunkRows: wholeNumber('Rows of a chunk of a streamed result, if the request does not say (`chunk_size`).', {
    min: 1,
    max: MAX_CHUNK_ROWS,
    default: 1000,
  }),
  maxChunkRows: wholeNumber('Most rows of a chunk that a request may ask for.', {
    min: 1,
    max: MAX_CHUNK_ROWS,
    default: 10_000,
  }),
  heartbeatMs: wholeNumber(
    'Silence of a stream of server-sent events after which the gateway sends a comment, so that proxies do not cut it.',
    { min: 10, max: 3_600_000, default: 15_000 },
  ),
  maxBatchResultBytes: wholeNumber(
    'Largest text of the results of one batch that is answered at once (`/api/v1/batch`). `/api/v1/batch/stream` has no such limit.',
    { min: 1024, max: 2 ** 40, default: 64 * 2 ** 20 },
  ),
  maxHeldResultBytes: wholeNumber('Largest text of the results of all such batches together that wait for their end.', {
    min: 1024,
    max: 2 ** 40,
    default: 256 * 2 ** 20,
  }),
  compression: z
    .boolean()
    .default(true)
    .describe('Whether results are compressed (gzip, zstd, br) for clients that accept it.'),
  hosts: z
    .array(z.string().regex(/^[a-z0-9.-]+$/, 'must be a host name in lower case, such as sql.internal'))
    .default([])
    .describe(
      'Host names by which clients may call the API while there are no API keys, besides localhost and IP addresses: otherwise pages of other sites could reach it under a name of theirs. With keys every name is allowed.',
    ),
  cors: z
    .strictObject({
      origins: z
        .array(z.string().regex(/^(\*|https?:\/\/[^/\s]+)$/, 'must be an origin such as https://app.example.com, or *'))
        .default([])
        .describe('Origins whose pages browsers let call the API; `*` for all. By default none.'),
    })
    .prefault({})
    .describe('Cross-origin calls of browsers (CORS).'),
})
