import type { Method, Methods } from '../../grpc/server/method.ts'
import { GatewayError } from '../../query/errors.ts'
import { doAction, listActions } from './actions/do-action.ts'
import type { FlightFront } from './front.ts'
import { doGet } from './methods/do-get.ts'
import { doPut } from './methods/do-put.ts'
import { getFlightInfo, getSchema } from './methods/get-flight-info.ts'
import { handshake } from './methods/handshake.ts'
import { pollFlightInfo } from './methods/poll-flight-info.ts'

/** Full name of the service, as used by gRPC health checks. */
export const flightServiceName = 'arrow.flight.protocol.FlightService'

/** The Arrow Flight service. Source: https://arrow.apache.org/docs/format/Flight.html. */
export function flightMethods(front: FlightFront): Methods {
  const methods: Record<string, Method> = {
    Handshake: handshake(front.authenticator),
    // Clients call ListFlights without credentials as a liveness check. The list is empty, so it needs no protection.
    ListFlights: { kind: 'serverStream', open: true, handle: async () => {} },
    GetFlightInfo: getFlightInfo(front),
    GetSchema: getSchema(front),
    DoGet: doGet(front),
    DoAction: doAction(front),
    ListActions: listActions(),
    PollFlightInfo: pollFlightInfo(front),
    DoPut: doPut(front),
    DoExchange: unimplemented('DoExchange', 'SQL needs GetFlightInfo and DoGet only'),
  }
  return Object.fromEntries(Object.entries(methods).map(([name, method]) => [`/${flightServiceName}/${name}`, method]))
}

function unimplemented(name: string, advice: string): Method {
  return {
    kind: 'bidi',
    async handle() {
      throw new GatewayError('UNIMPLEMENTED', `${name} is not implemented: ${advice}.`)
    },
  }
}
