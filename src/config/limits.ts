import { z } from 'zod'
import { availableMemory } from './setting/available-memory.ts'
import { optionalWholeNumber, wholeNumber } from './setting/value.ts'

const MIB = 1 << 20
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** Default of `maxInFlightBytes`: a quarter of the memory that the process may use. */
export function defaultMaxInFlightBytes(): number {
  return Math.floor(availableMemory() / 4)
}

/** Default of `maxRequestMemoryBytes`: an eighth of the memory that the process may use, from 64 MiB to 1 GiB. */
export function defaultMaxRequestMemoryBytes(inFlightBytes = defaultMaxInFlightBytes()): number {
  return Math.max(64 * MIB, Math.min(1024 * MIB, Math.floor(inFlightBytes / 2)))
}

/** The limits of one of several processes on a machine: the defaults that come from the memory of the machine are divided. */
export function limitsOfProcess<Limits extends { readonly maxInboundMessageBytes: number }>(
  limits: Limits,
  given: Readonly<Record<string, unknown>>,
  processes: number,
): Limits {
  if (processes === 1) return limits
  const maxInFlightBytes = Math.max(MIB, Math.floor(defaultMaxInFlightBytes() / processes))
  const maxRequestMemoryBytes = Math.max(limits.maxInboundMessageBytes, defaultMaxRequestMemoryBytes(maxInFlightBytes))
  return {
    ...limits,
    ...(given['maxInFlightBytes'] === undefined && { maxInFlightBytes }),
    ...(given['maxRequestMemoryBytes'] === undefined && { maxRequestMemoryBytes }),
  }
}

/** Schema of `limits`. */
export const limitsSchema = z
  .strictObject({
    maxConnections: wholeNumber(
      'Client connections of the Flight port. At the limit, the gateway makes room for a new connection: it closes one that has not authenticated a call within authenticateWithinMs, or one of the address with the most connections. Otherwise it rejects the new connection.',
      {
        min: 1,
        max: 1_000_000,
        default: 1000,
      },
    ),
    maxConnectionsPerAddress: optionalWholeNumber(
      'Client connections of one IPv4 address or one /64 network of IPv6. By default one address, such as a proxy, may hold all connections, and gives way to others as described for maxConnections.',
      { min: 1, max: 1_000_000 },
    ),
    authenticateWithinMs: wholeNumber(
      'Age at which the gateway may close a connection without an authenticated call to make room for another. Health checks do not count. Without API keys every other call counts.',
      { min: 10, max: HOUR_MS, default: 5000 },
    ),
    maxStreamsPerConnection: wholeNumber(
      'Concurrent calls on one connection (HTTP/2 SETTINGS_MAX_CONCURRENT_STREAMS).',
      {
        min: 1,
        max: 100_000,
        default: 100,
      },
    ),
    handshakeTimeoutMs: wholeNumber(
      'Time limit for the TLS handshake of a connection, and then for the begin of HTTP/2. The connection counts for the limits from its first moment.',
      {
        min: 10,
        max: HOUR_MS,
        default: 10_000,
      },
    ),
    keepaliveTimeMs: wholeNumber('Interval of HTTP/2 pings to each client.', {
      min: 10,
      max: DAY_MS,
      default: MINUTE_MS,
    }),
    keepaliveTimeoutMs: wholeNumber(
      'Time that a client has to answer a ping before the gateway closes the connection.',
      {
        min: 10,
        max: DAY_MS,
        default: 20_000,
      },
    ),
    connectionIdleMs: wholeNumber('Time without a call after which the gateway sends GOAWAY on a connection.', {
      min: 10,
      max: 30 * DAY_MS,
      default: 10 * MINUTE_MS,
    }),
    connectionAgeMs: wholeNumber(
      'Age, varied by 10 %, at which the gateway sends GOAWAY on a connection, so that load spreads over replicas.',
      {
        min: 10,
        max: 30 * DAY_MS,
        default: 30 * MINUTE_MS,
      },
    ),
    workerStallTimeoutMs: wholeNumber(
      'Time without a sign of life of a worker (`workers`) after which the gateway kills it and starts another. Meanwhile it gets no further connections.',
      { min: 1000, max: HOUR_MS, default: 10_000 },
    ),
    connectionAgeGraceMs: wholeNumber('Time that running calls have to finish after that GOAWAY.', {
      min: 10,
      max: 30 * DAY_MS,
      default: 10 * MINUTE_MS,
    }),
    maxMetadataBytes: wholeNumber('Largest metadata of a call.', { min: 4096, max: 16 * MIB, default: 65_536 }),
    maxInboundMessageBytes: wholeNumber('Largest message from a client.', {
      min: 4096,
      max: 2 ** 31 - 1,
      default: 16 * MIB,
    }),
    maxOutboundMessageBytes: wholeNumber(
      'Largest message to a client of unknown kind that has not announced its own limit (`x-flightgate-max-message-bytes`). The gateway splits larger batches by rows.',
      { min: 65_536, max: 2 ** 31 - 1, default: 4 * MIB },
    ),
    maxRowBytes: wholeNumber(
      'Largest row of a batch that is split. A row above the limit of its client still goes out, alone in its message: the client may be configured to accept it, and reports an error if not.',
      { min: MIB, max: 2 ** 31 - 1, default: 256 * MIB },
    ),
    maxStatementBytes: wholeNumber('Largest SQL text.', {
      min: 1024,
      max: 256 * MIB,
      default: 16 * MIB,
    }),
    maxInFlightBytesPerCall: wholeNumber('Result bytes that the gateway may buffer for the client of one call.', {
      min: 65_536,
      max: 2 ** 40,
      default: 4 * MIB,
    }),
    maxInFlightBytes: optionalWholeNumber(
      'Result bytes that all calls together may buffer; above this each call buffers one message at a time. By default a quarter of the memory, divided by `workers`.',
      { min: MIB, max: 2 ** 50 },
    ),
    maxRequestMemoryBytes: optionalWholeNumber(
      'Memory of requests in progress: metadata, queued or incomplete messages, decompressed messages, and queued responses other than results. One connection may hold a quarter of it, or twice maxInboundMessageBytes; one address half. Above a limit the gateway ends the oldest incomplete request, otherwise the call that needs more. Calls without credentials share a separate eighth of this size. The bodies of HTTP requests have a budget of their own, of the same size and with the same shares. By default an eighth of the memory divided by `workers`, from 64 MiB to 1 GiB.',
      { min: 16 * MIB, max: 2 ** 40 },
    ),
    stallTimeoutMs: wholeNumber('Time that a client has to read a message before the gateway ends its stream.', {
      min: 10,
      max: DAY_MS,
      default: MINUTE_MS,
    }),
    streamKeepAliveMs: wholeNumber(
      'Silence of a result stream after which the gateway sends an empty batch, so that proxies and firewalls do not cut a slow query.',
      { min: 10, max: DAY_MS, default: 30_000 },
    ),
    defaultDeadlineMs: wholeNumber('Deadline of a call if the client sets none.', {
      min: 10,
      max: 30 * DAY_MS,
      default: HOUR_MS,
    }),
    maxDeadlineMs: wholeNumber('Longest deadline that a client may set.', {
      min: 10,
      max: 30 * DAY_MS,
      default: DAY_MS,
    }),
    maxQueued: optionalWholeNumber(
      "Longest queue of statements for a source; by default four times the source's maxStreams. When the queue is full, a principal with fewer statements displaces the last one of the principal with the most.",
      {
        min: 0,
        max: 1_000_000,
      },
    ),
    maxSlotsPerPrincipal: optionalWholeNumber(
      "Statements of one principal that may run or be read at a source at the same time. By default, with several API keys, three quarters of the source's slots or connections, so that others always find one; otherwise all.",
      { min: 1, max: 10_000 },
    ),
    contendedStallMs: wholeNumber(
      'Time without reading after which the gateway ends a result, if its principal holds the most slots of the source and another principal waits for one. Without API keys each connection counts as a principal.',
      { min: 10, max: DAY_MS, default: 5000 },
    ),
    planTimeoutMs: wholeNumber(
      'Time limit for planning a statement of a DuckDB source; other kinds use requestTimeoutMs of the source.',
      { min: 10, max: HOUR_MS, default: 10_000 },
    ),
    queueWaitMs: wholeNumber('Time that a statement may wait in the queue, to be planned or to run.', {
      min: 1,
      max: HOUR_MS,
      default: 10_000,
    }),
    maxBatchStatements: wholeNumber('Most statements of one batch.', { min: 1, max: 1000, default: 100 }),
    batchConcurrency: wholeNumber('Statements of a batch that run at the same time if the client does not say.', {
      min: 1,
      max: 1000,
      default: 5,
    }),
    maxBatchConcurrency: wholeNumber('Most statements of a batch that a client may run at the same time.', {
      min: 1,
      max: 1000,
      default: 20,
    }),
    batchTimeoutMs: wholeNumber('Time limit of a batch, and so of each of its statements, if the client sets none.', {
      min: 10,
      max: DAY_MS,
      default: 30_000,
    }),
    maxBatchTimeoutMs: wholeNumber('Longest time limit of a batch that a client may set.', {
      min: 10,
      max: DAY_MS,
      default: HOUR_MS,
    }),
    sessionIdleMs: wholeNumber('Time without a call after which the gateway ends a session.', {
      min: 100,
      max: 30 * DAY_MS,
      default: 30 * MINUTE_MS,
    }),
    maxSessionsPerPrincipal: wholeNumber('Most sessions of one principal at the same time.', {
      min: 1,
      max: 1_000_000,
      default: 1000,
    }),
    transactionIdleMs: wholeNumber('Time without a statement after which the gateway rolls back a transaction.', {
      min: 100,
      max: DAY_MS,
      default: 5 * MINUTE_MS,
    }),
    maxTransactionsPerPrincipal: wholeNumber('Most open transactions of one principal.', {
      min: 0,
      max: 100_000,
      default: 100,
    }),
    pollIdleMs: wholeNumber(
      'Time without PollFlightInfo, or without a fetch of a finished result, after which the gateway cancels a polled statement.',
      { min: 100, max: DAY_MS, default: MINUTE_MS },
    ),
    preparedTtlMs: wholeNumber('Lifetime of a prepared statement.', {
      min: 1,
      max: 30 * DAY_MS,
      default: DAY_MS,
    }),
    maxParameterBytes: wholeNumber('Largest set of parameter rows bound to a prepared statement at once.', {
      min: 1024,
      max: 2 ** 31 - 1,
      default: 64 * MIB,
    }),
    maxRepeatableResultBytes: wholeNumber(
      'Largest result that the gateway keeps for the lifetime of its ticket. If the client redeems the ticket again, it gets the same rows without another run of the statement. 0 keeps none.',
      { min: 0, max: 64 * MIB, default: MIB },
    ),
    repeatableStoreBytes: wholeNumber('Size of all such results together; the least recently used are evicted first.', {
      min: 0,
      max: 2 ** 40,
      default: 64 * MIB,
    }),
    ticketTtlMs: wholeNumber('Lifetime of a ticket.', {
      min: 1,
      max: 30 * DAY_MS,
      default: 15 * MINUTE_MS,
    }),
  })
  .transform((limits) => ({
    ...limits,
    maxInFlightBytes: limits.maxInFlightBytes ?? defaultMaxInFlightBytes(),
    maxRequestMemoryBytes: limits.maxRequestMemoryBytes ?? defaultMaxRequestMemoryBytes(),
  }))
