import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { Server as SecureServer } from 'node:tls'
import type { Logger } from 'pino'
import { Authenticator } from '../auth/authenticator.ts'
import type { Config } from '../config/config.ts'
import { flightMethods, flightServiceName } from '../fronts/flight/service.ts'
import { Sessions } from '../fronts/flight/sessions.ts'
import type { Certificate } from '../grpc/server/certificate.ts'
import { healthMethods } from '../grpc/server/health.ts'
import type { Methods } from '../grpc/server/method.ts'
import { reflectionMethods } from '../grpc/server/reflection/reflection.ts'
import { GrpcServer } from '../grpc/server/server.ts'
import { watchCertificate } from '../ops/certificate-watch.ts'
import { createHttpServer } from '../ops/http.ts'
import { Metrics } from '../ops/metrics.ts'
import { ProcessReadiness } from '../ops/readiness.ts'
import { UpstreamMetrics } from '../ops/upstream-metrics.ts'
import { packageVersion } from '../ops/version.ts'
import { DrainGate } from '../query/drain-gate.ts'
import { AdaptiveLimiter } from '../query/limits/adaptive-limiter.ts'
import { ConcurrencyLimiter } from '../query/limits/concurrency-limiter.ts'
import { composePipeline } from '../query/pipeline.ts'
import { Router } from '../query/router.ts'
import { Sealer } from '../query/sealer.ts'
import type { Source } from '../query/source.ts'
import { admit } from '../query/stages/admit.ts'
import { audit } from '../query/stages/audit.ts'
import { authorize } from '../query/stages/authorize.ts'
import { deadline } from '../query/stages/deadline.ts'
import { refuse } from '../query/stages/reject-when-draining.ts'
import { replay } from '../query/stages/replay.ts'
import { transact } from '../query/stages/serialize-transaction.ts'
import { Transactions } from '../query/transactions/transactions.ts'
import { openDuckDbSource } from '../sources/duckdb/source.ts'
import { FlightSqlSource, openFlightSqlSource } from '../sources/flightsql/source.ts'
import { MemoryBlobs } from '../state/blobs.ts'
import { MemoryStore } from '../state/memory.ts'
import { BackgroundStatements } from '../statements/background-statements.ts'
import { RunningStatements } from '../statements/running-statements.ts'
import { CallLog } from './call-log.ts'
import { divideMemory } from './duckdb-memory.ts'
import { maxHeldOf } from './max-held.ts'
import { SourceWatch } from './source-watch.ts'
import { startError } from './start-error.ts'
import { waitUntilIdle } from './wait-until-idle.ts'

/** Where the gateway listens. */
export interface GatewayAddresses {
  readonly flight: string
  readonly http: string
}

/** A running gateway. */
export interface Gateway {
  readonly addresses: GatewayAddresses
  /**
   * Turns not-ready and, `notReadyMs` later, refuses new statements; waits for what has begun; ends.
   * @returns how many calls and transactions were cut off
   */
  drain(notReadyMs: number): Promise<number>
  /** Ends everything at once: calls are cut off, engines interrupted. */
  stop(): Promise<void>
  /** Whether threads may be at work that the end of the process would wait for. */
  readonly hasActiveThreads: boolean
}

const STATE_STORE_MAX_BYTES = 32 << 20
const BLOBS_MAX_BYTES = 256 << 20
const descriptorSet = new URL('../../gen/descriptors.binpb', import.meta.url)
const packagedDescriptorSet = new URL('../../../gen/descriptors.binpb', import.meta.url)

/**
 * Composes state, sources, pipeline and fronts from the configuration and starts them.
 * @throws StartError where a setting is at fault; nothing is left running then
 */
export async function startGateway(config: Config, log: Logger): Promise<Gateway> {
  const sources: Source[] = []
  const stopping: (() => Promise<unknown>)[] = []
  try {
    const upstreams = new UpstreamMetrics()
    const memoryLimits = divideMemory(config, STATE_STORE_MAX_BYTES + BLOBS_MAX_BYTES, log)
    for (const [name, source] of Object.entries(config.sources)) {
      const child = log.child({ source: name })
      const opened =
        source.kind === 'duckdb'
          ? await openDuckDbSource(
              name,
              { ...source, memoryLimitBytes: memoryLimits.get(name) },
              { log: child, limits: config.limits },
            ).catch((error: unknown) => {
              throw startError(`sources.${name}`, error)
            })
          : openFlightSqlSource(name, source, { log: child, observer: upstreams.observer(name) })
      sources.push(opened)
      stopping.push(() => opened.close())
    }
    return await listen(config, log, sources, upstreams, stopping)
  } catch (error) {
    for (const stop of stopping.reverse()) await stop().catch(() => {})
    throw error
  }
}

async function listen(
  config: Config,
  log: Logger,
  sources: readonly Source[],
  upstreams: UpstreamMetrics,
  stopping: (() => Promise<unknown>)[],
): Promise<Gateway> {
  const { limits } = config
  const { statements } = config.log
  const readiness = new ProcessReadiness()
  const store = new MemoryStore(STATE_STORE_MAX_BYTES)
  const blobs = new MemoryBlobs(BLOBS_MAX_BYTES)
  const repeatable = new MemoryStore(Math.max(1, limits.repeatableStoreBytes))
  const router = new Router(sources, config.defaultSource)
  const slots = new Map(
    Object.entries(config.sources).map(([name, source]): [string, ConcurrencyLimiter] => {
      const { maxStreams } = source
      const { maxQueued = 4 * maxStreams, queueWaitMs } = limits
      const queue = { maxQueued, queueWaitMs, maxHeld: maxHeldOf(config, source) }
      return source.kind === 'duckdb'
        ? [name, new ConcurrencyLimiter({ slots: maxStreams, ...queue })]
        : [name, new AdaptiveLimiter({ minSlots: source.minStreams, maxSlots: maxStreams, ...queue })]
    }),
  )
  const watch = new SourceWatch(sources, config.health, log)
  stopping.push(() => watch.close())
  const transactions = new Transactions(limits, log)
  const intake = new DrainGate()
  const metrics: Metrics = new Metrics({
    callsInFlight: () => grpc.callCount,
    connections: () => grpc.connectionCount,
    inFlightBytes: () => grpc.inFlightBytes,
    requestMemoryBytes: () => grpc.requestMemoryBytes,
    transactions: () => transactions.size,
    sources: () => watch.states.flatMap(({ source, isUp }) => (isUp === undefined ? [] : [{ source, isUp }])),
    slots: () => [...slots].map(([name, { queued, slots }]) => ({ source: name, queued, slots })),
  })
  upstreams.register(metrics.registry, () =>
    sources.flatMap((source) =>
      source instanceof FlightSqlSource
        ? source.pools.all.map(({ name, pool, state }) => ({
            source: source.name,
            address: name,
            state,
            ...pool.stats,
          }))
        : [],
    ),
  )
  const pipeline = composePipeline(
    [
      audit(statements, metrics),
      refuse(intake),
      deadline((source) => config.sources[source]?.statementTimeoutMs),
      authorize(router),
      replay(repeatable, limits),
      transact(transactions),
      admit({
        slotsOf: (source) => slots.get(source)!,
        contendedStallMs: limits.contendedStallMs,
        onWait: (source, waitMs) => metrics.onQueueWait(source, waitMs),
      }),
    ],
    router,
  )
  const sealer = new Sealer(config.auth.sealKeys.length > 0 ? config.auth.sealKeys : [randomBytes(32).toString('hex')])
  const authenticator = new Authenticator(config.auth.apiKeys, sealer, config.auth.tokenTtlMs)
  const tls = config.tls && { cert: config.tls.cert.content, key: config.tls.key.content }
  const sessions = new Sessions(store, limits)
  const executions = new RunningStatements()
  const polls = new BackgroundStatements(limits, executions)
  const facts = {
    version: packageVersion(),
    maxStatementBytes: limits.maxStatementBytes,
    transactionIdleMs: limits.transactionIdleMs,
    preparedTtlMs: limits.preparedTtlMs,
    maxConnections: limits.maxConnections,
  }
  const methods: Methods = {
    ...flightMethods({
      pipeline,
      intake,
      router,
      authenticator,
      sealer,
      store,
      blobs,
      executions,
      log,
      limits,
      facts,
      sessions,
      transactions,
      polls,
    }),
    ...healthMethods([flightServiceName], readiness),
    ...reflectionMethods(import.meta.url.endsWith('.ts') ? descriptorSet : packagedDescriptorSet),
  }
  const calls = new CallLog(Object.keys(methods), metrics, log, config.log.statements)
  const grpc: GrpcServer = new GrpcServer({
    methods,
    authenticate: (headers) => authenticator.authenticate(headers),
    limits,
    observer: calls,
    ...(tls && { tls }),
  })
  const http = createHttpServer(
    {
      get ready() {
        return readiness.ready
      },
      get sources() {
        return watch.states
      },
      metrics: async () => ({ contentType: metrics.registry.contentType, body: await metrics.registry.metrics() }),
    },
    tls && { ...tls, handshakeTimeout: limits.handshakeTimeoutMs },
  )
  const onCertificate = (certificate: Certificate) => {
    grpc.setCertificate(certificate)
    ;(http.server as unknown as SecureServer).setSecureContext(certificate)
  }
  stopping.push(() => grpc.close())
  const { flight, http: httpAddress } = config.listen
  const flightAddress = await grpc.listen(flight.host, flight.port).catch((error: unknown) => {
    throw startError(`listen.flight (${formatListen(flight)})`, error)
  })
  stopping.push(() => http.close())
  await http.listen({ ...httpAddress }).catch((error: unknown) => {
    throw startError(`listen.http (${formatListen(httpAddress)})`, error)
  })
  readiness.set(true)
  watch.start()
  const stopWatching = config.tls && watchCertificate(config.tls, onCertificate, log)

  const closeRest = async () => {
    stopWatching?.()
    calls.close()
    await watch.close()
    await http.close()
    polls.close()
    await Promise.all(sources.map((source) => source.close()))
    await Promise.all([store.close(), blobs.close(), repeatable.close()])
  }
  return {
    addresses: { flight: formatAddress(flightAddress), http: formatAddress(http.server.address() as AddressInfo) },
    async drain(notReadyMs) {
      readiness.set(false)
      // Whoever watches the readiness is a client too: with none, nobody is there to notice.
      if (grpc.connectionCount > 0) await sleep(notReadyMs)
      intake.close()
      const activity = {
        isBusy: () => grpc.callCount > 0 || transactions.used > 0 || polls.pending > 0,
        isConnected: () => grpc.connectionCount > 0,
      }
      await waitUntilIdle(activity, config.drain.graceMs)
      const cutTransactions = transactions.used
      const cut = (await grpc.close()) + cutTransactions
      await closeRest()
      return cut
    },
    async stop() {
      await grpc.close()
      await closeRest()
    },
    get hasActiveThreads() {
      return sources.some(({ hasActiveThreads }) => hasActiveThreads)
    },
  }
}

function formatListen({ host, port }: Config['listen']['flight']): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function formatAddress({ address, family, port }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
