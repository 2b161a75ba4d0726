import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../../gen/grpc/health/v1/health.ts'
import { GatewayError } from '../../query/errors.ts'
import { decodeMessage } from './decode.ts'
import type { Methods } from './method.ts'

/** Readiness of the process, as health services report it. */
export interface Readiness {
  readonly ready: boolean
  /** Calls back at each change. @returns a function that removes the listener */
  onChange(listener: () => void): () => void
}

/**
 * The standard gRPC health service for the whole server ("") and each named service. Load balancers call it without credentials.
 * Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md.
 */
export function healthMethods(services: readonly string[], readiness: Readiness): Methods {
  const known = new Set(['', ...services])
  const statusNow = () => (readiness.ready ? ServingStatus.SERVING : ServingStatus.NOT_SERVING)
  const encode = (status: HealthCheckResponse['status']) => HealthCheckResponse.encode({ status }).finish()
  return {
    '/grpc.health.v1.Health/Check': {
      kind: 'unary',
      background: true,
      open: true,
      handle(request) {
        const { service } = decodeMessage(HealthCheckRequest, request)
        if (!known.has(service)) throw new GatewayError('UNKNOWN_OBJECT', 'There is no service of this name.')
        return encode(statusNow())
      },
    },
    '/grpc.health.v1.Health/Watch': {
      kind: 'serverStream',
      background: true,
      open: true,
      async handle(request, call) {
        const { service } = decodeMessage(HealthCheckRequest, request)
        const { signal } = call
        let changed = Promise.withResolvers<void>()
        const stop = readiness.onChange(() => changed.resolve())
        signal.addEventListener('abort', () => changed.resolve(), { once: true })
        try {
          for (let told: HealthCheckResponse['status'] | undefined; !signal.aborted; await changed.promise) {
            changed = Promise.withResolvers()
            const status = known.has(service) ? statusNow() : ServingStatus.SERVICE_UNKNOWN
            if (status !== told) await call.sendMessage(encode(status))
            told = status
          }
        } finally {
          stop()
        }
      },
    },
  }
}
