import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { ConfigError, loadConfig } from '../../src/config/load.ts'
import { redactConfig } from '../../src/config/redact.ts'

const folder = mkdtempSync(join(tmpdir(), 'flightgate-config-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const load = (yaml: string, env: NodeJS.ProcessEnv = {}) => {
  const file = join(folder, `${files++}.yaml`)
  writeFileSync(file, yaml)
  return loadConfig({ file, env })
}
const problems = (yaml: string, env: NodeJS.ProcessEnv = {}): readonly string[] => {
  try {
    load(yaml, env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('the configuration', () => {
  it('needs no file: DuckDB with sample data on loopback', () => {
    const config = loadConfig({ env: {} })
    expect(config.sources).toMatchObject({
      demo: { kind: 'duckdb', path: ':memory:', sample: { tpch: 0.1 }, writes: false },
    })
    expect(config.defaultSource).toBe('demo')
    expect(config.listen.flight).toEqual({ host: '127.0.0.1', port: 32010 })
    expect(Object.isFrozen(config.limits)).toBe(true)
  })

  it('keeps keys as hashes only', () => {
    const sha256 = createHash('sha256').update('s3cret').digest()
    const config = load(
      `auth: { apiKeys: [ { name: a, key: s3cret }, { name: b, key: "sha256:${'ab'.repeat(32)}" } ] }`,
    )
    expect(config.auth.apiKeys[0]!.sha256).toEqual(sha256)
    expect(config.auth.apiKeys[1]!.sha256.toString('hex')).toBe('ab'.repeat(32))
    expect(JSON.stringify(config)).not.toContain('s3cret')
  })

  it('environment variables override the file', () => {
    const config = load('listen: { flight: "127.0.0.2:1", http: "[::1]:2" }', {
      FLIGHT_PORT: '5',
      PORT: '6',
      API_KEYS: 'one, two',
      FLIGHTGATE_LOG_LEVEL: 'warn',
      FLIGHTGATE_SEAL_KEYS: 'k'.repeat(32),
    })
    expect(config.listen).toEqual({ flight: { host: '127.0.0.2', port: 5 }, http: { host: '::1', port: 6 } })
    expect(config.auth.apiKeys.map(({ name, roles }) => [name, roles])).toEqual([
      ['key1', ['reader']],
      ['key2', ['reader']],
    ])
    expect(config.log.level).toBe('warn')
    expect(config.auth.sealKeys).toEqual(['k'.repeat(32)])
  })

  it('a variable that the file refers to applies only where the file refers to it', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the file's own notation
    const yaml = 'sources: { lake: { kind: dremio, uri: "grpc://h:1", username: etl, password: "${DREMIO_PASSWORD}" } }'
    const { sources } = load(yaml, { DREMIO_PASSWORD: 'p' })
    expect(Object.keys(sources)).toEqual(['lake'])
    expect(sources['lake']).toMatchObject({ password: 'p' })
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the file's own notation
    const keys = 'auth: { apiKeys: [ { name: a, key: "${API_KEYS}" } ] }'
    expect(load(keys, { API_KEYS: 'k' }).auth.apiKeys).toHaveLength(1)
  })

  it('reports missing settings', () => {
    expect(problems('', { DREMIO_PASSWORD: 'p' })).toEqual([
      'sources.dremio.uri: must be set in the file or by DREMIO_HOST',
    ])
    expect(problems('tls: { cert: a }')).toContain('tls.key: must be set')
  })

  it.each([
    ['auth:', 'auth: must be a section of settings, but is empty; remove it to use the default'],
    ['sources: []', 'sources: must be a section of settings'],
    ['sources: { a: { kind: duckbd } }', 'sources.a.kind: must be one of duckdb, flightsql, dremio, bigquery'],
    [
      'listen: { flight: 32010 }',
      'listen.flight: must be host:port with a port from 0 to 65535, such as 127.0.0.1:32010',
    ],
    ['auth: { apiKeys: [ { name: a, key: "" } ] }', 'auth.apiKeys[0].key: must not be empty'],
    ['auth: { apiKeys: [ { name: a, key: k, roles: [] } ] }', 'auth.apiKeys[0].roles: must not be empty'],
    ['limits: { queueWaitMs: 10s }', 'limits.queueWaitMs: must be a whole number from 1 to 3600000'],
    ['limits: { queueWaitMs: 0 }', 'limits.queueWaitMs: must be 1 to 3600000'],
    ['log: { level: verbose }', 'log.level: must be one of trace, debug, info, warn, error, fatal, silent'],
    ['auth: { sealKeys: [ short ] }', 'auth.sealKeys[0]: must have at least 32 characters'],
    ['auth: { apiKeys: [ { name: a, key: k, roles: reader } ] }', 'auth.apiKeys[0].roles: must be a list'],
  ])('reports %s in the words of the documentation', (yaml, problem) => {
    expect(problems(yaml)).toContain(problem)
  })

  it('refuses a database file shared by two sources if one of them writes', () => {
    const file = join(folder, 'shared.duckdb')
    const sources = (first: string, second: string) =>
      problems(`sources: { a: { kind: duckdb, path: ${file}${first} }, b: { kind: duckdb, path: ${folder}/./shared.duckdb${second} } }
defaultSource: a`)
    const refused = expect.stringContaining('sources.b.path: sources.a has the same file')
    expect(sources(', writes: true', ', writes: true')).toContainEqual(refused)
    expect(sources('', ', writes: true')).toContainEqual(refused)
    expect(sources('', '')).not.toContainEqual(refused)
  })

  it('reads secrets from the environment and from files', () => {
    const secret = join(folder, 'key')
    writeFileSync(secret, 'from-file\n')
    const config = load(`auth: { apiKeys: [ { name: a, key: "\${KEY}" }, { name: b, key: "file:${secret}" } ] }`, {
      KEY: 'from-env',
    })
    expect(config.auth.apiKeys.map(({ sha256 }) => sha256)).toEqual(
      ['from-env', 'from-file'].map((text) => createHash('sha256').update(text).digest()),
    )
  })

  it('reports all problems at once, with the closest setting name and the allowed range', () => {
    const found = problems(
      `listen: { flight: "127.0.0.1:99999", htp: x }
auth: { apiKeys: [ { name: a, key: "\${NOPE}" }, { name: b, key: "file:/nonexistent/x" } ] }
sources: { z: { kind: duckdb, maxStream: 3, batchRows: 0 } }
limits: { queueWaitMs: 10s }`,
      { FLIGHTGATE_LOG_LEVL: 'x' },
    )
    expect(found).toHaveLength(8)
    expect(found.join('\n')).toMatch(/htp: unknown setting; did you mean http\?/)
    expect(found.join('\n')).toMatch(/maxStream: unknown setting; did you mean maxStreams\?/)
    expect(found.join('\n')).toMatch(/FLIGHTGATE_LOG_LEVL .* did you mean FLIGHTGATE_LOG_LEVEL\?/)
    expect(found.join('\n')).toMatch(/batchRows: must be 1 to 16777216/)
    expect(found.join('\n')).toMatch(/NOPE is not set/)
    expect(found.join('\n')).toMatch(/ENOENT/)
  })

  it('reports the other faults of a section beside a faulty variable', () => {
    const yaml = 'auth: { foo: 1 }\nsources: { dremio: { kind: dremio, uri: "grpc://h", maxStream: 1 } }'
    expect(problems(yaml, { FLIGHTGATE_SEAL_KEYS: 'short', DREMIO_PORT: 'x' })).toEqual([
      expect.stringMatching(/^DREMIO_PORT: |^FLIGHTGATE_SEAL_KEYS: /),
      expect.stringMatching(/^DREMIO_PORT: |^FLIGHTGATE_SEAL_KEYS: /),
      'auth.foo: unknown setting; there are apiKeys, oidc, clientCertificates, tokenTtlMs, sealKeys',
      'sources.dremio.maxStream: unknown setting; did you mean maxStreams?',
    ])
  })

  it('gives all keys of a principal the settings of its first one', () => {
    const { apiKeys } = load(
      `auth: { apiKeys: [ { name: a, key: x, roles: [writer], statementTimeoutMs: 9, expiresAt: 2027-01-31T01:00:00+01:00 },
        { name: a, key: y, statementTimeoutMs: 9 }, { name: b, key: z } ] }`,
    ).auth
    expect(apiKeys.map(({ sha256: _, ...settings }) => settings)).toEqual([
      { name: 'a', roles: ['writer'], statementTimeoutMs: 9, expiresAt: Date.UTC(2027, 0, 31) },
      { name: 'a', roles: ['writer'], statementTimeoutMs: 9 },
      { name: 'b', roles: ['reader'] },
    ])
  })

  it('checks roles and their grants', () => {
    const roles =
      'analyst: { grants: [ { verbs: [read, estimate], sources: [A], schemas: [sales], tables: [sales.orders] } ] }'
    const keys = 'auth: { apiKeys: [ { name: k, key: x, roles: [analyst, operator] } ] }'
    const sources = 'sources: { a: { kind: duckdb } }'
    expect(load(`${keys}\n${sources}\nroles: { ${roles} }`).roles['analyst']!.grants[0]!.tables).toEqual([
      'sales.orders',
    ])
    expect(
      problems(
        `${keys.replace('operator', 'boss')}\n${sources}\nroles: { ${roles.replace('[A]', '[b]')}, reader: { grants: [ { verbs: [read] } ] }, ops: { grants: [ { verbs: [operate], schemas: [x] } ] } }`,
      ),
    ).toEqual([
      'roles.analyst.grants[0].sources: there is no source b; known: a',
      'roles.reader: the gateway has a role of this name: choose another name',
      'roles.ops.grants[0]: operate is about whole sources: give it a grant of its own, without schemas and tables',
      'auth.apiKeys[0].roles: there is no role boss; known: reader, writer, operator, admin, analyst, ops',
    ])
    expect(
      problems(
        'roles: { a: { grants: [ { verbs: [look] } ] }, b: { grants: [ { verbs: [read], tables: [orders] } ] } }',
      ),
    ).toEqual([
      'roles.a.grants[0].verbs[0]: must be one of read, write, estimate, ingest, operate',
      expect.stringMatching(/^roles\.b\.grants\[0\]\.tables\[0\]: must be `schema\.table` or `catalog\.schema\.table`/),
    ])
  })

  it('applies the rules between settings to what is valid beside faults', () => {
    expect(
      problems(
        `defaultSource: zz
limits: { ticketTtlMs: -1, defaultDeadlineMs: 2000, maxDeadlineMs: 1000 }
auth: { apiKeys: [ { name: 1, key: x }, { name: a, key: k }, { name: a, key: k, defaultSource: nope } ] }
sources: { a: { kind: duckdb, batchRows: 0 }, Memory: { kind: duckdb } }`,
      ),
    ).toEqual([
      'auth.apiKeys[0].name: must be text',
      'sources.a.batchRows: must be 1 to 16777216',
      'limits.ticketTtlMs: must be 1 to 2592000000',
      'defaultSource: there is no source zz; known: a, Memory',
      'auth.apiKeys[2].key: another entry has the same key',
      'auth.apiKeys[2].defaultSource: there is no source nope; known: a, Memory',
      'sources.Memory: DuckDB has a database or schema called memory of its own: choose another name',
      'limits.defaultDeadlineMs: 2000 is above limits.maxDeadlineMs (1000)',
    ])
  })

  it.each([
    ['a faulty source that is the default', 'sources: { a: { kind: duckdb, batchRows: 0 } }\ndefaultSource: a'],
    ['a source of an unknown kind', 'sources: { a: { kind: duck } }\ndefaultSource: a'],
    ['sources that are a list', 'sources: []\ndefaultSource: a'],
    ['a faulty key of an open gateway', 'listen: { flight: "0.0.0.0:1" }\nauth: { apiKeys: [ { name: a, key: "" } ] }'],
    ['faulty keys of an open gateway', 'listen: { flight: "0.0.0.0:1" }\nauth: { apiKeys: 5 }'],
    ['a faulty section of keys', 'listen: { flight: "0.0.0.0:1" }\nauth: 5'],
    ['a faulty upper bound', 'limits: { defaultDeadlineMs: 100000000, maxDeadlineMs: x }'],
    ['a faulty address', 'listen: { flight: x, http: "127.0.0.1:32010" }'],
    ['an empty key', 'auth: { apiKeys: [ null ] }'],
    ['limits that are text', 'limits: x'],
    ['a typing error beside', 'limit: { ticketTtlMs: 1 }'],
  ])('reports only the fault of %s', (_, yaml) => {
    expect(problems(yaml)).toHaveLength(1)
  })

  it('compares no keys whose variables are not set', () => {
    const found = problems(`auth: { apiKeys: [ { name: a, key: "\${NOPE}" }, { name: b, key: "\${NOPE}" } ] }`)
    expect(found).toEqual([0, 1].map((i) => `auth.apiKeys[${i}].key: the environment variable NOPE is not set`))
  })

  it.each([
    [
      'limits: { defaultDeadlineMs: 172800000 }',
      'limits.defaultDeadlineMs: 172800000 is above limits.maxDeadlineMs (86400000)',
    ],
    [
      'limits: { maxInboundMessageBytes: 33554432, maxRequestMemoryBytes: 16777216 }',
      'limits.maxInboundMessageBytes: 33554432 is above limits.maxRequestMemoryBytes (16777216)',
    ],
    [
      'limits: { maxConnections: 5, maxConnectionsPerAddress: 6 }',
      'limits.maxConnectionsPerAddress: 6 is above limits.maxConnections (5)',
    ],
    [
      'limits: { maxStatementBytes: 33554432 }',
      'limits.maxStatementBytes: 33554432 is above limits.maxInboundMessageBytes (16777216)',
    ],
    [
      'limits: { maxRepeatableResultBytes: 10, repeatableStoreBytes: 9 }',
      'limits.maxRepeatableResultBytes: 10 is above limits.repeatableStoreBytes (9)',
    ],
    [
      'sources: { a: { kind: dremio, uri: "grpc://h", minStreams: 20 } }',
      'sources.a.minStreams: 20 is above maxStreams (16)',
    ],
    [
      'sources: { a: { kind: dremio, uri: "grpc://h", slowReader: { spillDirectory: /nope } } }',
      'sources.a.slowReader.spillDirectory: there is no folder /nope',
    ],
    ['cache: { spillDirectory: /nope }', 'cache.spillDirectory: there is no folder /nope'],
  ])('refuses the contradiction %s', (yaml, problem) => {
    expect(problems(yaml)).toEqual([problem])
  })

  it('lets a default give way to a bound', () => {
    const { limits } = load('limits: { maxDeadlineMs: 300, maxInboundMessageBytes: 4096, repeatableStoreBytes: 0 }')
    expect(limits.maxDeadlineMs).toBe(300)
    expect(problems('sources: { a: { kind: dremio, uri: "grpc://h", maxStreams: 1 } }')).toEqual([])
  })

  it('warns of TLS settings for an address without TLS', () => {
    const source = (uri: string) => `sources: { a: { kind: dremio, uri: "${uri}", tls: { serverName: x } } }`
    expect(load(source('grpc://h:1')).warnings).toEqual([
      'sources.a.tls: has no effect on grpc://h:1, which is without TLS: write grpc+tls://',
    ])
    expect(load(source('grpc+tls://h:1')).warnings).toEqual([])
  })

  it.each([
    ['FLIGHT_PORT', 'abc', 'must be a port from 0 to 65535, such as 32010'],
    ['PORT', '65536', 'must be a port from 0 to 65535, such as 32010'],
    ['DREMIO_PORT', 'abc', 'must be a port from 1 to 65535, such as 32010'],
    ['DREMIO_HOST', 'grpc://h', 'must be a host name or an address, IPv6 in brackets'],
    ['FLIGHTGATE_LOG_LEVEL', 'debugg', 'must be one of trace, debug, info, warn, error, fatal, silent'],
    ['FLIGHTGATE_SEAL_KEYS', 'short', 'must be comma-separated keys, each of at least 32 characters'],
    ['ARROW_POOL_MAX_CONNECTIONS', '0', 'must be a whole number from 1 to 1000'],
    ['ARROW_POOL_MIN_CONNECTIONS', 'x', 'must be a whole number from 0 to 1000'],
    ['ARROW_POOL_HEALTH_CHECK_INTERVAL', '5x', 'must be a duration from 100ms to 24h, such as 60s, 500ms, 5m or 1h'],
  ])('names the variable %s whose value is %s', (name, value, form) => {
    expect(problems('defaultSource: dremio', { DREMIO_HOST: 'h', [name]: value })).toEqual([`${name}: ${form}`])
  })

  it('the file may refer to a variable of any name', () => {
    const config = load(`auth: { apiKeys: [ { name: dash, key: "\${FLIGHTGATE_DASH_KEY}" } ] }`, {
      FLIGHTGATE_DASH_KEY: 'from-env',
    })
    expect(config.auth.apiKeys[0]!.sha256).toEqual(createHash('sha256').update('from-env').digest())
    expect(problems('{}', { FLIGHTGATE_DASH_KEY: 'x' })).toEqual([expect.stringContaining('FLIGHTGATE_DASH_KEY')])
  })

  it('ignores the service variables that Kubernetes sets', () => {
    const serviceVariables = (service: string) => ({
      [`${service}_SERVICE_HOST`]: '10.0.0.1',
      [`${service}_SERVICE_PORT`]: '32010',
      [`${service}_SERVICE_PORT_FLIGHT`]: '32010',
      [`${service}_PORT`]: 'tcp://10.0.0.1:32010',
      [`${service}_PORT_32010_TCP`]: 'tcp://10.0.0.1:32010',
      [`${service}_PORT_32010_TCP_PROTO`]: 'tcp',
      [`${service}_PORT_32010_TCP_PORT`]: '32010',
      [`${service}_PORT_32010_TCP_ADDR`]: '10.0.0.1',
    })
    const services = ['FLIGHTGATE', 'FLIGHTGATE_REPLICAS', 'FLIGHT', 'DREMIO'].map(serviceVariables)
    expect(load('{}', Object.assign({}, ...services))).toEqual(load('{}'))
    expect(problems('{}', { FLIGHTGATE_PORT: '32010' })).toEqual([expect.stringContaining('FLIGHT_PORT')])
    expect(load('{}', { DREMIO_HOST: 'dremio', DREMIO_PORT: '9' }).sources).toMatchObject({
      dremio: { uri: { host: 'dremio', port: 9 } },
    })
  })

  it('takes the chunk sizes of streamed results from the environment', () => {
    const { http } = load('{}', { DEFAULT_CHUNK_SIZE: '50', MAX_CHUNK_SIZE: '60' })
    expect(http).toMatchObject({ chunkRows: 50, maxChunkRows: 60 })
    expect(problems('{}', { DEFAULT_CHUNK_SIZE: '0', MAX_CHUNK_SIZE: 'x' })).toEqual([
      'DEFAULT_CHUNK_SIZE: must be a number of rows from 1 to 1000000',
      'MAX_CHUNK_SIZE: must be a number of rows from 1 to 1000000',
    ])
    expect(problems('{}', { DEFAULT_CHUNK_SIZE: '61', MAX_CHUNK_SIZE: '60' })).toEqual([
      'http.chunkRows: 61 is above http.maxChunkRows (60)',
    ])
    expect(load('{}', { MAX_CHUNK_SIZE: '60' }).http.maxChunkRows).toBe(60)
  })

  it('warns once about variables without effect', () => {
    const env = {
      REDIS_PASSWORD: 'hunter2',
      BIGQUERY_PROJECT: 'p',
      UNRELATED: 'x',
    }
    expect(load('{}', { ...env, REDIS_PORT: 'tcp://10.0.0.1:6379' }).warnings).toEqual([
      'environment: without effect: BIGQUERY_PROJECT, REDIS_PASSWORD',
    ])
    const referring = `auth: { apiKeys: [ { name: a, key: "\${REDIS_PASSWORD}" } ] }`
    expect(load(referring, env).warnings.join()).not.toContain('REDIS')
    expect(load('{}').warnings).toEqual([])
  })

  describe('budgets', () => {
    const warehouse = 'sources: { wh: { kind: bigquery, projectId: p, anonymous: true } }'

    it('groups and API keys have budgets; the password of Redis is not shown', () => {
      const config = load(
        `${warehouse}
budgets: { monthlyBudgetUsd: 100, timeZone: Europe/Berlin, warnAt: [0.9] }
groups: { analysts: { budgets: { dailyBudgetUsd: 5 } } }
auth: { apiKeys: [ { name: ann, key: "sha256:${'a'.repeat(64)}", groups: [analysts], budgets: { maxCostPerQueryUsd: 1 } } ] }`,
        { REDIS_URL: 'redis://u:hunter2@cache:6379/1', BIGQUERY_MONTHLY_BUDGET: '50' },
      )
      expect(config.budgets).toMatchObject({ monthlyBudgetUsd: 100, whenUnknown: 'cap', whenLedgerDown: 'refuse' })
      expect(config.auth.apiKeys[0]).toMatchObject({ groups: ['analysts'], budgets: { maxCostPerQueryUsd: 1 } })
      expect(config.warnings.filter((each) => /state\.|budget/.test(each))).toEqual([])
      const shown = JSON.stringify(redactConfig(config))
      expect(shown).toContain('cache:6379')
      expect(shown).not.toContain('hunter2')
    })

    it('API keys have what their groups give their members, and their own settings before that', () => {
      const [ann, bob, eve] = load(`${warehouse}
groups:
  first: { members: { statementTimeoutMs: 1000, quotas: { requestsPerMinute: 10 }, defaultSource: wh } }
  second: { members: { statementTimeoutMs: 2000, quotas: { requestsPerMinute: 20, maxConcurrentStatements: 2 } } }
auth:
  apiKeys:
    - { name: ann, key: a, groups: [second, first] }
    - { name: bob, key: b, groups: [first], statementTimeoutMs: 5, quotas: { requestsPerMinute: 0 } }
    - { name: eve, key: e }`).auth.apiKeys
      expect(ann).toMatchObject({
        statementTimeoutMs: 1000,
        quotas: { requestsPerMinute: 10, maxConcurrentStatements: 2 },
        defaultSource: 'wh',
      })
      expect(bob).toMatchObject({ statementTimeoutMs: 5, quotas: { requestsPerMinute: 0 }, defaultSource: 'wh' })
      expect(eve).not.toHaveProperty('quotas')
    })

    it('tells what cannot work, and warns of budgets that a restart forgets or that limit nothing', () => {
      expect(
        problems(`${warehouse}
budgets: { timeZone: Mars/Olympus }
state: { directory: /dev/null/x }
auth: { apiKeys: [ { name: ann, key: k, groups: [analysts] } ] }`),
      ).toEqual([
        expect.stringContaining('budgets.timeZone'),
        'auth.apiKeys[0].groups: there is no group analysts in groups',
        expect.stringMatching(/^state\.directory: /),
      ])
      expect(
        problems(`${warehouse}
groups: { finance: { members: { defaultSource: lake } } }
tls: { cert: ${fileURLToPath(import.meta.url)}, key: ${fileURLToPath(import.meta.url)} }
auth:
  oidc: [ { issuer: "https://id", audience: a, groups: { finanse: [fin], finance: [f] }, roles: { boss: [f] } } ]
  clientCertificates: { ca: ${fileURLToPath(import.meta.url)}, groups: { crew: ["*"] }, roles: { chef: ["*"] } }`).filter(
          (each) => !each.startsWith('tls'),
        ),
      ).toEqual([
        'auth.oidc[0].roles: there is no role boss; known: reader, writer, operator, admin',
        'auth.oidc[0].groups: there is no group finanse in groups; known: finance',
        'auth.clientCertificates.roles: there is no role chef; known: reader, writer, operator, admin',
        'auth.clientCertificates.groups: there is no group crew in groups; known: finance',
        'groups.finance.members.defaultSource: there is no source lake; known: wh',
      ])
      expect(problems('{}', { REDIS_URL: 'http://cache' })).toEqual([
        'REDIS_URL: must begin with redis:// or rediss://',
      ])
      const budgets = 'budgets: { dailyBudgetUsd: 1 }'
      expect(load(`${warehouse}\n${budgets}`).warnings.join()).toContain('state.directory: not set')
      expect(load(budgets).warnings).toEqual(['budgets: no source bills its statements, so they limit nothing'])
      expect(load(`${warehouse}\n${budgets}`, { FLIGHTGATE_STATE_DIR: tmpdir() }).warnings.join()).not.toContain(
        'state',
      )
    })
  })

  describe('Redis', () => {
    const nodes = 'redis: { nodes: [a:7000, "[::1]:7001"] }'

    it('is one server, sentinels or a cluster', () => {
      expect(load(nodes).redis?.nodes).toEqual([
        { host: 'a', port: 7000 },
        { host: '::1', port: 7001 },
      ])
      const { redis } = load('redis: { sentinels: ["s1:26379"], primaryName: main, password: hunter2, tls: {} }')
      expect(redis).toMatchObject({ primaryName: 'main', tls: { skipVerify: false } })
      expect(load('redis: { host: cache, tls: { skipVerify: true } }').warnings.join()).toContain('skipVerify')
      const shown = JSON.stringify(
        redactConfig(load('redis: { url: "redis://u:hunter2@c", sentinelPassword: hunter2, password: hunter2 }')),
      )
      expect(shown).not.toContain('hunter2')
      expect(shown).toContain('redis://u:***@c')
    })

    it('tells what cannot work', () => {
      const one = 'redis: set one of url, host, sentinels, nodes, in the file or by REDIS_URL or REDIS_HOST'
      expect(problems('redis: {}')).toEqual([one])
      expect(problems('redis: { host: a, url: "redis://b" }')).toEqual(['redis: only one of url, host can be set'])
      expect(problems('redis: { nodes: [a] }')).toEqual(['redis.nodes[0]: must be host:port, such as redis-0:6379'])
      expect(problems('redis: { sentinels: ["a:1"] }')).toEqual([
        'redis.primaryName: must be set together with sentinels, and only then',
      ])
      expect(problems('redis: { nodes: ["a:1"], database: 2 }')).toEqual(['redis.database: a cluster has only 0'])
      expect(problems('{}', { REDIS_URL: 'redis://cache/one' })).toEqual([
        'REDIS_URL: must end in the number of a database, as redis://host:6379/1',
      ])
      expect(problems('{}', { REDIS_HOST: 'cache', REDIS_TLS: 'perhaps', REDIS_DB: 'x' })).toEqual([
        'REDIS_DB: must be the number of a database, such as 0',
        'REDIS_TLS: must be true or false',
      ])
    })

    it('comes from variables, which add to the file; alone they do nothing', () => {
      const env = {
        REDIS_PORT: '6380',
        REDIS_USERNAME: 'gate',
        REDIS_PASSWORD: 'hunter2',
        REDIS_DB: '3',
        REDIS_TLS: 'true',
      }
      const added = { port: 6380, username: 'gate', password: 'hunter2', database: 3, tls: { skipVerify: false } }
      expect(load('{}', { ...env, REDIS_HOST: 'cache' }).redis).toMatchObject({ ...added, host: 'cache' })
      expect(load('redis: { host: file }', env).redis).toMatchObject({ ...added, host: 'file' })
      expect(load('{}', { REDIS_URL: 'redis://a', REDIS_HOST: 'b' }).redis).toMatchObject({ url: 'redis://a' })
      const { redis, warnings } = load('{}', env)
      expect(redis).toBeUndefined()
      expect(warnings.join()).toContain('REDIS_DB, REDIS_PASSWORD, REDIS_PORT, REDIS_TLS, REDIS_USERNAME')
      expect(load('{}', { REDIS_HOST: 'cache', REDIS_PORT: 'tcp://10.0.0.1:6379' }).redis?.port).toBeUndefined()
    })

    it('warns of replicas without common seal keys', () => {
      expect(load('redis: { host: a }').warnings.join()).toContain('auth.sealKeys: not set')
      const keys = `auth: { sealKeys: ["${'x'.repeat(32)}"] }`
      expect(load(`redis: { host: a }\n${keys}`).warnings.join()).not.toContain('sealKeys')
    })
  })

  it('RATE_LIMIT sets the requests per minute; an API key may have its own quotas', () => {
    const { quotas, warnings } = load('{}', { RATE_LIMIT: '600' })
    expect(quotas).toEqual({ requestsPerMinute: 600 })
    expect(warnings).toEqual([expect.stringMatching(/^quotas: without auth.apiKeys each gRPC connection/)])
    expect(load('{}', { RATE_LIMIT: '0' }).warnings).toEqual([])
    expect(load('quotas: { requestsPerMinute: 5, maxBytesPerDay: 100 }', { RATE_LIMIT: '0' }).quotas).toEqual({
      requestsPerMinute: 0,
      maxBytesPerDay: 100,
    })
    const { auth } = load('auth: { apiKeys: [ { name: a, key: k, quotas: { maxConcurrentStatements: 3 } } ] }')
    expect(auth.apiKeys[0]).toMatchObject({ name: 'a', quotas: { maxConcurrentStatements: 3 } })
    expect(() => load('{}', { RATE_LIMIT: '5/s' })).toThrow('RATE_LIMIT: must be a number of requests per minute')
  })

  it('in the container image, listens on all addresses only if keys are set', () => {
    const file = fileURLToPath(new URL('../../docker/flightgate.yaml', import.meta.url))
    const { listen } = loadConfig({ file, env: { API_KEYS: 'k' } })
    expect(listen).toEqual({ flight: { host: '0.0.0.0', port: 32010 }, http: { host: '0.0.0.0', port: 8080 } })
    expect(() => loadConfig({ file, env: {} })).toThrow(/set auth.apiKeys or API_KEYS/)
  })

  it('never repeats a secret', () => {
    const found = problems(
      'auth: { apiKeys: [ { name: "bad name", key: hunter2 }, { name: c, key: "sha256:hunter2" } ] }',
    )
    expect(found.length).toBeGreaterThan(0)
    expect(found.join('\n')).not.toContain('hunter2')
  })

  it.each([
    ['listen: { flight: "0.0.0.0:1" }', /set auth.apiKeys or API_KEYS/],
    ['sources: { a: { kind: duckdb }, b: { kind: duckdb } }', /defaultSource: required with several sources/],
    ['sources: { a: { kind: duckdb }, A: { kind: duckdb } }\ndefaultSource: a', /upper and lower case/],
    ['defaultSource: nope', /there is no source nope/],
    ['sources: {}', /at least one/],
    [
      'auth: { apiKeys: [ { name: b, key: z }, { name: a, key: x }, { name: a, key: y, roles: [admin] } ] }',
      /apiKeys\[2\]\.roles: differs from that of auth\.apiKeys\[1\], another key of a: leave it out here/,
    ],
    [
      'auth: { apiKeys: [ { name: a, key: x, expiresAt: 2027-01-31 } ] }',
      /expiresAt: must be a time with its zone, such as 2027-01-31T00:00:00Z/,
    ],
    ['auth: { apiKeys: [ { name: a, key: x }, { name: b, key: x } ] }', /the same key/],
    [
      'auth: { oidc: [ { issuer: "http://id.example.com", audience: a } ] }',
      /issuer: must be a URL that begins with https/,
    ],
    [
      'auth: { oidc: [ { issuer: "https://a", audience: a }, { issuer: "https://b", audience: a } ] }',
      /oidc\[1\].name: another issuer has the name oidc/,
    ],
    [
      'auth: { oidc: [ { issuer: "https://a", audience: a, algorithms: [HS256] } ] }',
      /algorithms\[0\]: must be one of RS256/,
    ],
    ['auth: { clientCertificates: { ca: /dev/null } }', /auth.clientCertificates: needs tls/],
    [
      'sources: { a: { kind: dremio, uri: "grpc://h", plainCommands: true } }',
      /a.plainCommands: only a source of kind flightsql has this setting/,
    ],
    [
      'sources: { a: { kind: duckdb, pool: { min: 1 } } }',
      /a.pool: only a source of kind flightsql or dremio has this setting/,
    ],
    ['- a list', /settings by name/],
    ['a: [', /line 1/],
    ['auth: { sealKeys: [short] }', /32/],
  ])('refuses %s', (yaml, problem) => {
    expect(problems(yaml).join('\n')).toMatch(problem)
  })

  it('may listen on all addresses if keys are set', () => {
    const config = load('listen: { flight: "0.0.0.0:1" }\nauth: { apiKeys: [ { name: a, key: x } ] }')
    expect(config.listen.flight.host).toBe('0.0.0.0')
    expect(config.warnings.join('\n')).toMatch(/unencrypted/)
  })
})
