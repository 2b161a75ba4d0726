import type { Logger } from 'pino'
import { takesAnyone } from '../config/auth.ts'
import type { Config } from '../config/config.ts'
import type { GatewayAddresses } from '../gateway/fronts.ts'
import { tryPython } from './try-python.ts'

/** Logs that the gateway serves, and where. @param startedAt time at which the start began, of `performance.now()` */
export function logReady(
  config: Config,
  { flight, http }: GatewayAddresses,
  startedAt: number,
  log: Logger,
  more: Readonly<Record<string, unknown>> = {},
): void {
  const scheme = config.tls ? 'grpc+tls' : 'grpc'
  const startMs = Math.round(performance.now() - startedAt)
  const by = config.workers > 1 ? `, by ${config.workers} workers` : ''
  log.info(
    {
      event: 'ready',
      flight,
      http,
      startMs,
      ...more,
      sources: Object.keys(config.sources),
      tryPython: tryPython({
        address: flight,
        cert: config.tls?.cert.content,
        needsKey: !takesAnyone(config.auth),
      }),
    },
    `ready in ${startMs} ms: Flight on ${scheme}://${flight}, HTTP on ${config.tls ? 'https' : 'http'}://${http}${by}`,
  )
}
