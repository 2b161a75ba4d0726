import { Ticket } from '../../../../gen/arrow/flight/protocol/Flight.ts'
import type { GrpcCall } from '../../../grpc/server/call.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { StatementTrace } from '../../../query/statement-trace.ts'
import { withCacheHeaders } from '../../../statements/cache/cache-headers.ts'
import { billHeaders } from '../../../statements/cost-headers.ts'
import { type StatementTicket, statementTickets } from '../../../statements/handles/ticket.ts'
import type { CallContext } from '../../grpc/call-context.ts'
import { FrameSender } from '../../grpc/frame-sender.ts'
import { sendResult } from '../../grpc/send-result.ts'
import type { FlightFront } from '../front.ts'
import { isMetadataTicket, redeemMetadata } from '../metadata/metadata.ts'
import { contextOf, optionsOf } from '../statement.ts'
import { readTicketHandle } from '../wire/command.ts'

/** DoGet: redeems a ticket. Sends the schema first, even without rows, and pulls batches as the client reads (backpressure). */
export function doGet(front: FlightFront): Method {
  return {
    kind: 'serverStream',
    async handle(request, call) {
      const ctx = contextOf(front, call)
      const handle = readTicketHandle(decodeMessage(Ticket, request).ticket)
      if (isMetadataTicket(handle)) {
        const sender = new FrameSender(call, front.limits)
        for await (const frame of redeemMetadata(front, ctx, handle)) await sender.send(frame)
        await call.flushed()
        return
      }
      const { running, results } = front.statements
      const ticket = statementTickets.open(front.sealer, ctx.principal, handle).value
      front.statements.checkHere(ticket.statement.query)
      if (!ticket.stored && !front.statements.background.has(ticket.id)) await front.owners.seek(ticket.owner, call)
      const remove = running.add(ticket.id, (reason) => call.end(reason))
      try {
        if (await running.isCancelled(ticket.id))
          throw new GatewayError('CANCELLED', 'The statement was cancelled: call GetFlightInfo to run it again.')
        const sender = new FrameSender(call, front.limits)
        if (ticket.stored) for (const frame of await results.read(ticket)) await sender.send(frame)
        else await stream(front, ticket, ctx, call, sender)
        await call.flushed()
        running.finish(ticket.id)
      } finally {
        remove()
      }
    },
  }
}

async function stream(
  front: FlightFront,
  ticket: StatementTicket,
  ctx: CallContext,
  call: GrpcCall,
  sender: FrameSender,
): Promise<void> {
  const trace: StatementTrace = {}
  ctx.trace = trace
  const result = await front.statements.resultOf(ticket, ctx, optionsOf(call))
  await sendResult(result, sender, {
    keepAliveMs: front.limits.streamKeepAliveMs,
    onStart() {
      const metadata = withCacheHeaders(result.metadata, trace.cache)
      if (metadata) call.sendHeaders(metadata)
    },
    // The call's signal aborts pending work.
    onFailure: (error) => call.end(GatewayError.from(error)),
  })
  const bill = ticket.statement.cost && billHeaders(trace)
  if (bill) call.trailers = bill
}
