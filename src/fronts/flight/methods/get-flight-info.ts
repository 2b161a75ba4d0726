import { randomUUID } from 'node:crypto'
import { SchemaResult } from '../../../../gen/arrow/flight/protocol/Flight.ts'
import { encapsulate } from '../../../arrow/ipc/ipc.ts'
import type { Method } from '../../../grpc/server/method.ts'
import { readUse } from '../../../query/text/use-names.ts'
import { sealTicket } from '../../../statements/handles/ticket.ts'
import { keepNothing, noColumns, runAndKeep } from '../../../statements/stored-results.ts'
import type { FlightFront } from '../front.ts'
import { metadataSchema, sealMetadata } from '../metadata/metadata.ts'
import { contextOf, statementOf } from '../statement.ts'
import { useNames } from '../use-statement.ts'
import { readCommand } from '../wire/command.ts'
import { encodeInfo, infoSchema } from '../wire/encode-info.ts'

/** GetFlightInfo: plans the statement and seals a ticket for its result; one endpoint, no locations. */
export function getFlightInfo(front: FlightFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const ctx = contextOf(front, call)
      const command = readCommand(request)
      const expiresAt = Date.now() + front.limits.ticketTtlMs
      if (command.kind === 'metadata') {
        const handle = await sealMetadata(front, ctx, call, command, expiresAt)
        return encodeInfo(request, encapsulate(metadataSchema(command)), handle, expiresAt)
      }
      const { query, bound } = await statementOf(front, call, ctx, command)
      const id = randomUUID()
      if (await useNames(front, call, ctx, query)) {
        await keepNothing(front, ctx, id)
        const ticket = { id, runnable: { kind: 'update', query }, stored: true, expiresAt } as const
        return encodeInfo(request, infoSchema(noColumns), sealTicket(front.sealer, ctx.principal, ticket), expiresAt)
      }
      const plan = await front.pipeline.plan(query, ctx)
      if (plan.metadata) call.sendHeaders(plan.metadata)
      // Clients may drop a ticket unread (ADBC does): what changes data runs here, once, whoever reads its result later.
      const stored = plan.kind === 'update'
      if (stored) await runAndKeep(front, plan, ctx, id)
      const ticket = { id, runnable: plan, stored, expiresAt, ...(bound && { bound }) }
      const handle = sealTicket(front.sealer, ctx.principal, ticket)
      return encodeInfo(request, infoSchema(plan.schema), handle, expiresAt, plan.appMetadata)
    },
  }
}

/** GetSchema: the schema of the statement's result, without running it. */
export function getSchema(front: FlightFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const ctx = contextOf(front, call)
      const command = readCommand(request)
      if (command.kind === 'metadata')
        return SchemaResult.encode({ schema: encapsulate(metadataSchema(command)) }).finish()
      const { query } = await statementOf(front, call, ctx, command)
      if (readUse(query.sql)) return SchemaResult.encode({ schema: infoSchema(noColumns) }).finish()
      const plan = await front.pipeline.plan({ ...query, describe: true }, ctx)
      if (plan.metadata) call.sendHeaders(plan.metadata)
      return SchemaResult.encode({ schema: infoSchema(plan.schema) }).finish()
    },
  }
}

/** Unix milliseconds as a protobuf Timestamp. */
export function timestampOf(unixMs: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(unixMs / 1000)
  return { seconds: BigInt(seconds), nanos: Math.floor(unixMs - seconds * 1000) * 1_000_000 }
}
