import { anonymous } from '../auth/authenticator.ts'
import type { GrpcCall } from '../grpc/server/call.ts'
import type { Method, Methods } from '../grpc/server/method.ts'
import { rateHeaders } from '../quotas/rate-state.ts'
import type { RequestLimiter } from '../quotas/request-limiter.ts'

/**
 * Takes one request from the caller's allowance for each call, except calls of methods that are open or in the background.
 * While no principal has a limit, a call costs nothing more.
 * @param isCounted whether another process has counted the call and passed it on
 */
export function limitRequests(
  methods: Methods,
  limiter: RequestLimiter,
  isCounted: (call: GrpcCall) => boolean,
): Methods {
  const entries = Object.entries(methods).map(([path, method]): [string, Method] =>
    method.open || method.background ? [path, method] : [path, limited(method, limiter, isCounted)],
  )
  return Object.fromEntries(entries)
}

function limited(method: Method, limiter: RequestLimiter, isCounted: (call: GrpcCall) => boolean): Method {
  const take = async (call: GrpcCall) => {
    if (isCounted(call)) return
    const { principal, peer } = call
    const state = await limiter.take(principal === anonymous ? { principal, holder: peer } : { principal })
    if (state) call.initialMetadata = rateHeaders(state)
  }
  switch (method.kind) {
    case 'unary': {
      const { handle } = method
      return {
        ...method,
        handle: (request: Buffer, call: GrpcCall) =>
          limiter.isActive ? take(call).then(() => handle(request, call)) : handle(request, call),
      }
    }
    case 'serverStream': {
      const { handle } = method
      return {
        ...method,
        handle: (request: Buffer, call: GrpcCall) =>
          limiter.isActive ? take(call).then(() => handle(request, call)) : handle(request, call),
      }
    }
    case 'bidi': {
      const { handle } = method
      return {
        ...method,
        handle: (requests: AsyncGenerator<Buffer, void, undefined>, call: GrpcCall) =>
          limiter.isActive ? take(call).then(() => handle(requests, call)) : handle(requests, call),
      }
    }
  }
}
