import { SchemaResult } from '../../../../gen/arrow/flight/protocol/Flight.ts'
import { encapsulate } from '../../../arrow/ipc/ipc.ts'
import type { Method } from '../../../grpc/server/method.ts'
import { readUse } from '../../../query/text/use-names.ts'
import { statementTickets } from '../../../statements/handles/ticket.ts'
import { noColumns } from '../../../statements/stored-results.ts'
import { estimateInfo, estimateMetadata, wishOf, withEstimate } from '../estimates.ts'
import type { FlightFront } from '../front.ts'
import { metadataSchema, sealMetadata } from '../metadata/metadata.ts'
import { sendPlanHeaders } from '../plan-headers.ts'
import { contextOf, statementOf } from '../statement.ts'
import { useNames } from '../use-statement.ts'
import { readCommand } from '../wire/command.ts'
import { encodeInfo, infoSchema } from '../wire/encode-info.ts'

/** GetFlightInfo: plans the statement and seals a ticket for its result. The FlightInfo has one endpoint without locations. */
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
      const { statements, sealer } = front
      const asked = await statementOf(front, call, ctx, command)
      const wish = wishOf(call)
      if (wish === 'only') return await estimateInfo(front, call, ctx, request, asked)
      if (await useNames(front, call, ctx, asked.query)) {
        const ticket = statements.beginDone(asked.query, ctx)
        const handle = statementTickets.seal(sealer, ctx.principal, expiresAt, ticket)
        return encodeInfo(request, infoSchema(noColumns), handle, expiresAt)
      }
      const estimated = wish === 'yes'
      const { plan, ticket, trace } = await statements.begin(estimated ? withEstimate(asked) : asked, ctx)
      sendPlanHeaders(call, plan, trace)
      const handle = statementTickets.seal(sealer, ctx.principal, expiresAt, ticket)
      const { source } = plan.query
      const attached = estimated ? estimateMetadata(source, plan.estimate, plan.appMetadata) : plan.appMetadata
      return encodeInfo(request, infoSchema(plan.schema), handle, expiresAt, attached)
    },
  }
}

/** GetSchema: returns the schema of the statement's result, without running it. */
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
      const plan = await front.statements.describe(query, ctx)
      sendPlanHeaders(call, plan)
      return SchemaResult.encode({ schema: infoSchema(plan.schema) }).finish()
    },
  }
}
