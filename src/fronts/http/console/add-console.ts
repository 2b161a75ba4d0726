import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { acceptedEncoding } from '../answer/accepted.ts'
import type { HttpFront } from '../front.ts'
import type { ConsoleFile, ConsoleFiles } from './console-files.ts'
import { addLoginRoutes } from './login-routes.ts'
import { addSessionRoutes } from './session-routes.ts'

/** `content-security-policy` of the console: its own files and the gateway's own API, and nothing else from anywhere. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const pageHeaders = {
  'content-security-policy': policy,
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'x-frame-options': 'DENY',
}

const hidden = { schema: { hide: true } }

/** Adds the web console under `/console`: its files, which need no credentials, and the routes that log in and out. */
export function addConsole(app: FastifyInstance, front: HttpFront, { page, assets }: ConsoleFiles): void {
  // Relative, so that the console also works under a path of a reverse proxy.
  app.get('/console', hidden, async (_request, reply) => await reply.redirect('console/', 303))
  app.get('/console/', hidden, async (request, reply) => await send(request, reply, page, 'no-cache'))
  for (const asset of assets)
    app.get(`/console/assets/${asset.name}`, hidden, (request, reply) =>
      send(request, reply, asset, 'public, max-age=31536000, immutable'),
    )
  void app.register(async (session) => addSessionRoutes(session, front), { prefix: '/console' })
  const { consoleLogin } = front
  if (consoleLogin)
    void app.register(async (login) => addLoginRoutes(login, front, consoleLogin), { prefix: '/console' })
}

async function send(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  file: ConsoleFile,
  caching: string,
): Promise<FastifyReply> {
  reply.headers({ ...pageHeaders, 'cache-control': caching, etag: file.etag, vary: 'accept-encoding' })
  if (headers['if-none-match'] === file.etag) return await reply.code(304).send()
  reply.type(file.type)
  const accepted = [headers['accept-encoding']].flat().join(', ')
  if (acceptedEncoding(accepted, ['gzip']) !== 'gzip') return await reply.send(file.content)
  return await reply.header('content-encoding', 'gzip').send(await file.gzipped())
}
