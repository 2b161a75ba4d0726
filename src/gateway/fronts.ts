import type { AddressInfo } from 'node:net'
import type { Server as SecureServer } from 'node:tls'
import type { Logger } from 'pino'
import type { Scope } from '../async/scope.ts'
import { stillIn } from '../async/still-in.ts'
import type { Config } from '../config/config.ts'
import type { CostUsage } from '../cost/usage/cost-usage.ts'
import { flightMethods, flightServiceName } from '../fronts/flight/service.ts'
import { gatewayMethods, gatewayServiceName } from '../fronts/gateway/service.ts'
import { CallSessions } from '../fronts/grpc/session-cookie.ts'
import type { HttpCall } from '../fronts/http/call/http-call.ts'
import { HttpCalls } from '../fronts/http/call/http-calls.ts'
import { type ConsoleFiles, readConsoleFiles } from '../fronts/http/console/console-files.ts'
import { createHttpFront } from '../fronts/http/create-http-front.ts'
import type { GrpcCall } from '../grpc/server/call.ts'
import type { Certificate } from '../grpc/server/certificate.ts'
import { healthMethods } from '../grpc/server/health.ts'
import type { Methods } from '../grpc/server/method.ts'
import { reflectionMethods } from '../grpc/server/reflection/reflection.ts'
import { GrpcServer } from '../grpc/server/server.ts'
import { watchCertificate } from '../ops/certificates/certificate-watch.ts'
import { chainExpiry } from '../ops/certificates/chain-expiry.ts'
import { addProbes } from '../ops/http.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { ProcessReadiness } from '../ops/readiness.ts'
import { packageVersion } from '../ops/version.ts'
import type { AuditTrail } from '../query/audit/audit-trail.ts'
import type { Tracer } from '../query/tracing/span.ts'
import type { State } from '../state/open.ts'
import { Statements } from '../statements/statements.ts'
import { LoginAudit } from './audit/login-audit.ts'
import { CallLog } from './call-log.ts'
import type { Engine } from './engine.ts'
import { authenticatorSettings, openAuthenticator } from './identity/open-authenticator.ts'
import { openConsoleLogin } from './identity/open-console-login.ts'
import { limitRequests } from './limit-requests.ts'
import { endingTransactions } from './peers/end-transactions.ts'
import { forwardCalls } from './peers/forward-calls.ts'
import { listenForPeers } from './peers/peer-listener.ts'
import { Peers } from './peers/peers.ts'
import type { ReplicaDirectory } from './peers/replica-directory.ts'
import type { SealKeys } from './seal-keys.ts'
import type { SourceWatch } from './source-watch.ts'
import { startError } from './start-error.ts'
import { CallSpans } from './tracing/call-spans.ts'
import { scrapedMetrics } from './workers/scraped-metrics.ts'
import type { WorkerGroup } from './workers/worker-group.ts'

/** Addresses on which the gateway listens. */
export interface GatewayAddresses {
  readonly flight: string
  readonly http: string
}

/** Parts that the fronts use. */
export interface FrontParts {
  readonly config: Config
  readonly sealKeys: SealKeys
  readonly engine: Engine
  readonly costUsage: CostUsage
  readonly state: State
  readonly directory: ReplicaDirectory
  readonly watch: SourceWatch
  /** Absent without an audit log. */
  readonly trail: AuditTrail | undefined
  readonly metrics: Metrics
  readonly readiness: ProcessReadiness
  /** Absent if tracing is off. */
  readonly tracer: Tracer | undefined
  /** Present if this process is one of several workers. */
  readonly group: WorkerGroup | undefined
  readonly log: Logger
}

/** The ports for clients. */
export interface Fronts {
  readonly grpc: GrpcServer
  readonly httpCalls: HttpCalls
  readonly statements: Statements
  /** Returns a function that tells whether any call or polled statement of now still runs. */
  workOfNow(): () => boolean
  /** Follows changed settings. */
  update(): void
  /** Listens on both ports. @throws StartError about the port that cannot be opened */
  listen(): Promise<GatewayAddresses>
}

const descriptorSet = new URL('../../gen/descriptors.binpb', import.meta.url)
const packagedDescriptorSet = new URL('../../../gen/descriptors.binpb', import.meta.url)

/** Composes the Flight port and the HTTP port. The scope closes them, Flight first. */
export function createFronts(
  {
    config,
    sealKeys,
    engine,
    costUsage,
    state,
    directory,
    watch,
    trail,
    metrics,
    readiness,
    tracer,
    group,
    log,
  }: FrontParts,
  scope: Scope,
): Fronts {
  const { limits } = config
  const { sealer } = sealKeys
  const authenticator = openAuthenticator({ config, sealer, metrics, log }, scope)
  const statements = new Statements({ ...engine, sealer, ...state, limits })
  scope.defer(() => statements.background.close())
  const serverInfo = {
    version: packageVersion(),
    get maxStatementBytes() {
      return limits.maxStatementBytes
    },
    get transactionIdleMs() {
      return limits.transactionIdleMs
    },
    get preparedTtlMs() {
      return limits.preparedTtlMs
    },
    get maxConnections() {
      return limits.maxConnections
    },
  }
  const { replica } = config
  const peers = new Peers({
    directory,
    sealer,
    isEnabled: replica !== undefined || group !== undefined,
    tls: { ca: replica?.ca, serverName: replica?.serverName, skipVerify: false },
    maxAnswerBytes: limits.maxInboundMessageBytes,
    tokenOf: ({ headers, connection }) => authenticator.tokenToForward(headers, connection.socket),
  })
  scope.defer(() => peers.close())
  const endTransactions = endingTransactions(engine.transactions, state.bus, directory)
  const shared = { ...engine, costUsage, statements, sessions: new CallSessions(statements.sessions), log, limits }
  const methods: Methods = {
    ...forwardCalls(
      flightMethods({ ...shared, owners: peers, endTransactions, authenticator, sealer, serverInfo }),
      peers,
    ),
    ...gatewayMethods({ ...shared, version: serverInfo.version }),
    ...healthMethods([flightServiceName, gatewayServiceName], readiness),
    ...reflectionMethods(import.meta.url.endsWith('.ts') ? descriptorSet : packagedDescriptorSet),
  }
  const { clientCertificates } = config.auth
  const tls = config.tls && {
    cert: config.tls.cert.content,
    key: config.tls.key.content,
    ...(clientCertificates && { ca: clientCertificates.ca.content }),
  }
  const calls = new CallLog(Object.keys(methods), metrics, log, config.log.statements, trail && new LoginAudit(trail))
  scope.defer(() => calls.close())
  const spans = tracer && new CallSpans(tracer)
  const httpCalls = new HttpCalls({
    log,
    limits,
    maxBodyBytes: config.http.maxBodyBytes,
    maxConnections: config.http.maxConnections,
    observer: {
      ...(spans && { onAuthenticated: (call: HttpCall) => spans.beginHttp(call) }),
      onEnd: (call, error) => calls.onHttpEnd(call, error),
    },
  })
  const http = createHttpFront(
    {
      ...engine,
      costUsage,
      statements,
      authenticator,
      calls: httpCalls,
      console: config.console.enabled ? consoleFiles(log) : undefined,
      consoleLogin: openConsoleLogin({ config, sealer, log }, authenticator),
      log,
      limits,
      settings: config.http,
      version: serverInfo.version,
    },
    tls,
  )
  addProbes(http, {
    get obstacle() {
      return readiness.obstacle ?? (trail?.isRefusing ? 'the audit log cannot be written' : undefined)
    },
    get sources() {
      return watch.states.map((state) => ({ ...state, isDrained: engine.drains.has(state.source) }))
    },
    metrics: scrapedMetrics(metrics.registry, group, tracer !== undefined),
  })
  scope.defer(async () => {
    httpCalls.stop()
    await http.close()
    httpCalls.endRest()
  })
  const grpc: GrpcServer = new GrpcServer({
    methods: limitRequests(methods, engine.quotas.requests, (call) => peers.hasForwarded(call)),
    authenticate: (headers, socket) => authenticator.authenticate(headers, socket, peers.areForwarded(headers)),
    limits,
    observer: {
      ...(spans && { onBegin: (call: GrpcCall) => spans.beginGrpc(call) }),
      onEnd: (call, error) => calls.onGrpcEnd(call, error),
    },
    ...(tls && { tls }),
  })
  scope.defer(() => grpc.close())
  /** Authorities of client certificates, once their file has changed. */
  let authorities: Buffer | undefined
  let expiresAt = tls && chainExpiry(tls.cert)
  const ports = ['flight', 'http', ...(replica?.listen ? ['replica'] : [])]
  metrics.identity.readCertificates(() =>
    expiresAt === undefined ? [] : ports.map((port) => ({ port, expiresAt: expiresAt! })),
  )
  const onCertificate = (certificate: Certificate) => {
    expiresAt = chainExpiry(certificate.cert)
    authorities = certificate.ca
    authenticator.update(authenticatorSettings(config, authorities))
    grpc.setCertificate(certificate)
    ;(http.server as unknown as SecureServer).setSecureContext(certificate)
  }
  return {
    grpc,
    httpCalls,
    statements,
    workOfNow() {
      const all = [stillIn(grpc.calls), httpCalls.callsOfNow(), statements.background.pendingOfNow()]
      return () => all.some((isRunning) => isRunning())
    },
    update() {
      authenticator.update(authenticatorSettings(config, authorities))
    },
    async listen() {
      const { flight, http: httpAddress } = config.listen
      const flightAddress = await grpc.listen(flight.host, flight.port).catch((error: unknown) => {
        throw startError(`listen.flight (${formatListen(flight)})`, error)
      })
      void authenticator.prepare()
      await http.listen({ ...httpAddress }).catch((error: unknown) => {
        throw startError(`listen.http (${formatListen(httpAddress)})`, error)
      })
      await directory.join(await listenForPeers(config, grpc, flightAddress, group?.worker))
      scope.defer(() => directory.leave())
      if (config.tls) scope.defer(watchCertificate({ ...config.tls, ca: clientCertificates?.ca }, onCertificate, log))
      return { flight: formatAddress(flightAddress), http: formatAddress(http.server.address() as AddressInfo) }
    },
  }
}

/** The files of the console. Only a checkout that was not started by `npm start` has none. */
function consoleFiles(log: Logger): ConsoleFiles | undefined {
  const files = readConsoleFiles()
  if (!files) log.warn('there is no /console, since it has not been built: run node scripts/build-console.mjs')
  return files
}

function formatListen({ host, port }: Config['listen']['flight']): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function formatAddress({ address, family, port }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}
