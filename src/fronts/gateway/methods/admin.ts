import {
  BreakerMode as BreakerModeMessage,
  DrainSourceRequest,
  DrainSourceResponse,
  ReloadConfigRequest,
  ReloadConfigResponse,
  RotateSealKeysRequest,
  RotateSealKeysResponse,
  SetBreakerRequest,
  SetBreakerResponse,
  UndrainSourceRequest,
  UndrainSourceResponse,
} from '../../../../gen/flightgate/v1/gateway_service.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { BreakerMode } from '../../../query/source.ts'
import { contextOf } from '../call.ts'
import type { GatewayFront } from '../front.ts'

const modes: Readonly<Partial<Record<BreakerModeMessage, BreakerMode>>> = {
  [BreakerModeMessage.BREAKER_MODE_AUTOMATIC]: 'automatic',
  [BreakerModeMessage.BREAKER_MODE_OPEN]: 'open',
  [BreakerModeMessage.BREAKER_MODE_CLOSED]: 'closed',
}

/** DrainSource: closes a source to new statements in all processes. */
export function drainSource(front: GatewayFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const { name, reason } = decodeMessage(DrainSourceRequest, request)
      const reach = await front.administration.drain({ ctx: contextOf(front, call), reason }, name, true)
      return DrainSourceResponse.encode({ reach }).finish()
    },
  }
}

/** UndrainSource: opens a drained source again. */
export function undrainSource(front: GatewayFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const { name, reason } = decodeMessage(UndrainSourceRequest, request)
      const reach = await front.administration.drain({ ctx: contextOf(front, call), reason }, name, false)
      return UndrainSourceResponse.encode({ reach }).finish()
    },
  }
}

/** SetBreaker: holds the circuit breakers of a source open or closed, or leaves them to the outcome of calls. */
export function setBreaker(front: GatewayFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const { name, address, mode: asked, reason } = decodeMessage(SetBreakerRequest, request)
      const mode = modes[asked]
      if (!mode) throw new GatewayError('BAD_REQUEST', 'Set mode to AUTOMATIC, OPEN or CLOSED.')
      const by = { ctx: contextOf(front, call), reason }
      const reach = await front.administration.setBreaker(by, name, mode, address === '' ? undefined : address)
      return SetBreakerResponse.encode({ reach }).finish()
    },
  }
}

/** RotateSealKeys: seals with a new key in all processes. */
export function rotateSealKeys(front: GatewayFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const { reason } = decodeMessage(RotateSealKeysRequest, request)
      const reach = await front.administration.rotateKeys({ ctx: contextOf(front, call), reason })
      return RotateSealKeysResponse.encode({ reach }).finish()
    },
  }
}

/** ReloadConfig: reads the configuration again and applies it, or tells what that would change. */
export function reloadConfig(front: GatewayFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const { dryRun, reason } = decodeMessage(ReloadConfigRequest, request)
      const report = await front.administration.reload({ ctx: contextOf(front, call), reason }, dryRun)
      const { changed, needsRestart, problems, digest } = report
      return ReloadConfigResponse.encode({
        changed: [...changed],
        needsRestart: [...needsRestart],
        problems: [...problems],
        digest,
      }).finish()
    },
  }
}
