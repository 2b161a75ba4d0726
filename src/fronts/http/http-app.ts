import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { HttpCall } from './call/http-call.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The call of a request to the API. */
    call: HttpCall
  }
}

/** The application, whose routes take zod schemas. */
export type HttpApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>
