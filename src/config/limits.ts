import { totalmem } from 'node:os'
import { z } from 'zod'
import { optionalWholeNumber, wholeNumber } from './setting/value.ts'

const MIB = 1 << 20
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** A quarter of the memory that the process may use. */
export function defaultMaxInFlightBytes(): number {
  const constrained = process.constrainedMemory()
  return Math.floor((constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()) / 4)
}

/** An eighth of the memory that the process may use, between 64 MiB and 1 GiB. */
export function defaultMaxRequestMemoryBytes(): number {
  return Math.max(64 * MIB, Math.min(1024 * MIB, Math.floor(defaultMaxInFlightBytes() / 2)))
}

/** `limits`. */
export const limitsSchema = z
  .strictObject({
    maxConnections: wholeNumber(
      'Client connections of the Flight port. With so many, one that has not authenticated a call within authenticateWithinMs is closed for a newcomer, or one of the address that holds the most; else the newcomer is refused.',
      {
        min: 1,
        max: 1_000_000,
        default: 1000,
      },
    ),
    maxConnectionsPerAddress: optionalWholeNumber(
      'Client connections of one IPv4 address or one /64 network of IPv6. By default an address, such as that of a proxy, may have them all, and gives way to others as maxConnections says.',
      { min: 1, max: 1_000_000 },
    ),
    authenticateWithinMs: wholeNumber(
      'Age at which a connection on which no call has been authenticated may be closed to make room for another; health checks do not count. Without API keys every call does.',
      { min: 10, max: HOUR_MS, default: 5000 },
    ),
    maxStreamsPerConnection: wholeNumber(
      'Calls at the same time on one connection (HTTP/2 SETTINGS_MAX_CONCURRENT_STREAMS).',
      {
        min: 1,
        max: 100_000,
        default: 100,
      },
    ),
    handshakeTimeoutMs: wholeNumber(
      'Time that a connection has for the TLS handshake, and then to begin HTTP/2; it counts as one from its first moment.',
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
    keepaliveTimeoutMs: wholeNumber('Time to answer a ping before the connection is closed.', {
      min: 10,
      max: DAY_MS,
      default: 20_000,
    }),
    connectionIdleMs: wholeNumber('Time without a call before a connection gets a GOAWAY.', {
      min: 10,
      max: 30 * DAY_MS,
      default: 10 * MINUTE_MS,
    }),
    connectionAgeMs: wholeNumber(
      'Age, varied by 10 %, at which a connection gets a GOAWAY, so that load spreads over replicas.',
      {
        min: 10,
        max: 30 * DAY_MS,
        default: 30 * MINUTE_MS,
      },
    ),
    connectionAgeGraceMs: wholeNumber('Time that running calls have after that GOAWAY.', {
      min: 10,
      max: 30 * DAY_MS,
      default: 10 * MINUTE_MS,
    }),
    maxMetadataBytes: wholeNumber('Size of the metadata of a call.', { min: 4096, max: 16 * MIB, default: 65_536 }),
    maxInboundMessageBytes: wholeNumber('Size of one message from a client.', {
      min: 4096,
      max: 2 ** 31 - 1,
      default: 16 * MIB,
    }),
    maxOutboundMessageBytes: wholeNumber(
      'Size of one message to a client that has not announced its own limit (`x-flightgate-max-message-bytes`) and whose kind is unknown; larger batches are cut by rows.',
      { min: 65_536, max: 2 ** 31 - 1, default: 4 * MIB },
    ),
    maxRowBytes: wholeNumber(
      'Size of one row of a batch that is cut. A row above the limit of its client goes out alone in its message all the same, since the client may have been set to take it, and says so itself if not.',
      { min: MIB, max: 2 ** 31 - 1, default: 256 * MIB },
    ),
    maxStatementBytes: wholeNumber('Size of a SQL text.', {
      min: 1024,
      max: 256 * MIB,
      default: 16 * MIB,
    }),
    maxInFlightBytesPerCall: wholeNumber('Result bytes that one call may hold for its client.', {
      min: 65_536,
      max: 2 ** 40,
      default: 4 * MIB,
    }),
    maxInFlightBytes: optionalWholeNumber(
      'Result bytes that all calls together hold before each goes down to one message at a time; by default a quarter of the memory.',
      { min: MIB, max: 2 ** 50 },
    ),
    maxRequestMemoryBytes: optionalWholeNumber(
      'Memory that calls hold before their work is done: metadata, messages that wait or are incomplete, what they decompress to, answers other than results that wait for the client. One connection may hold a quarter of it, or twice maxInboundMessageBytes, and one address half; above that the oldest incomplete request ends, else the call that asks for more. Calls without credentials have an eighth as much beside it. By default an eighth of the memory, from 64 MiB to 1 GiB.',
      { min: 16 * MIB, max: 2 ** 40 },
    ),
    stallTimeoutMs: wholeNumber('Time in which a client must take a message before its stream is ended.', {
      min: 10,
      max: DAY_MS,
      default: MINUTE_MS,
    }),
    streamKeepAliveMs: wholeNumber(
      'Silence of a result stream after which an empty batch is sent, so that boxes on the way do not cut a slow query.',
      { min: 10, max: DAY_MS, default: 30_000 },
    ),
    defaultDeadlineMs: wholeNumber('Deadline of a call for which the client sets none.', {
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
      "Statements of a source that may wait; by default four times the source's maxStreams. When as many wait, the principal that has most of them there loses its last one to a principal that has fewer.",
      {
        min: 0,
        max: 1_000_000,
      },
    ),
    maxSlotsPerPrincipal: optionalWholeNumber(
      'Statements of one principal that may run or be read at a source at the same time. By default, where several API keys are configured, three quarters of what the source has slots or connections for, so that others always find one; else all.',
      { min: 1, max: 10_000 },
    ),
    contendedStallMs: wholeNumber(
      'Time without being read after which a result is ended, if its principal has most slots of the source and another waits for one. Without API keys each connection counts as a principal here.',
      { min: 10, max: DAY_MS, default: 5000 },
    ),
    planTimeoutMs: wholeNumber(
      "Time that planning a statement of a DuckDB source may take; other servers have their source's requestTimeoutMs.",
      { min: 10, max: HOUR_MS, default: 10_000 },
    ),
    queueWaitMs: wholeNumber('Time that a statement may wait for a slot, and to be planned.', {
      min: 1,
      max: HOUR_MS,
      default: 10_000,
    }),
    sessionIdleMs: wholeNumber('Time without a call after which a session ends.', {
      min: 100,
      max: 30 * DAY_MS,
      default: 30 * MINUTE_MS,
    }),
    maxSessionsPerPrincipal: wholeNumber('Sessions that one principal may have at the same time.', {
      min: 1,
      max: 1_000_000,
      default: 1000,
    }),
    transactionIdleMs: wholeNumber('Time without a statement after which a transaction is rolled back.', {
      min: 100,
      max: DAY_MS,
      default: 5 * MINUTE_MS,
    }),
    maxTransactionsPerPrincipal: wholeNumber('Transactions that one principal may have at the same time.', {
      min: 0,
      max: 100_000,
      default: 100,
    }),
    pollIdleMs: wholeNumber(
      'Time without PollFlightInfo, or without a fetch once it is ready, after which a polled statement is given up.',
      { min: 100, max: DAY_MS, default: MINUTE_MS },
    ),
    preparedTtlMs: wholeNumber('Time in which a prepared statement can be run.', {
      min: 1,
      max: 30 * DAY_MS,
      default: DAY_MS,
    }),
    maxParameterBytes: wholeNumber('Size of all rows of parameters bound to a prepared statement at once.', {
      min: 1024,
      max: 2 ** 31 - 1,
      default: 64 * MIB,
    }),
    maxRepeatableResultBytes: wholeNumber(
      'Size of a result that is kept as long as its ticket, so that redeeming the ticket again gives the same rows without running the statement again; 0 keeps none.',
      { min: 0, max: 64 * MIB, default: MIB },
    ),
    repeatableStoreBytes: wholeNumber('Size of all such results together; the least recently used go first.', {
      min: 0,
      max: 2 ** 40,
      default: 64 * MIB,
    }),
    ticketTtlMs: wholeNumber('Time in which a ticket can be redeemed.', {
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
