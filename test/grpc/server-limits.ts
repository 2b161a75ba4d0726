import { pino } from 'pino'
import type { GrpcLimits } from '../../src/grpc/server/server.ts'

/** A log that writes nothing. */
export const log = pino({ level: 'silent' })

/** Limits of a gRPC server that no test of its methods reaches. */
export const limits: GrpcLimits = {
  handshakeTimeoutMs: 10_000,
  maxConnections: 100,
  authenticateWithinMs: 5000,
  maxStreamsPerConnection: 100,
  keepaliveTimeMs: 60_000,
  keepaliveTimeoutMs: 20_000,
  connectionIdleMs: 60_000,
  connectionAgeMs: 60_000,
  connectionAgeGraceMs: 60_000,
  maxMetadataBytes: 65_536,
  maxInboundMessageBytes: 100_000,
  maxInFlightBytesPerCall: 1 << 20,
  maxInFlightBytes: 8 << 20,
  maxRequestMemoryBytes: 16 << 20,
  stallTimeoutMs: 60_000,
  defaultDeadlineMs: 60_000,
  maxDeadlineMs: 60_000,
}
