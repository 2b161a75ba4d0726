import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { redactConfig } from '../../../src/config/redact.ts'
import { GrpcFailure } from '../../../src/grpc/client/failure.ts'
import { upstreamError } from '../../../src/sources/flightsql/errors.ts'
import { standInOf, standIns } from '../../../src/sources/flightsql/identity/stand-ins.ts'
import { isFault } from '../../../src/sources/flightsql/pool/circuit-breaker.ts'
import { releaseReasonOf } from '../../../src/sources/flightsql/pool/lease.ts'
import { upstreamProblems } from '../../../src/sources/flightsql/problems.ts'
import { RefusedLogin } from '../../../src/sources/flightsql/protocol/refused-login.ts'
import { dremioSettings, flightSqlSettings } from '../../../src/sources/flightsql/settings.ts'

const logins = {
  principals: { ann: { token: 't-secret' }, 'oidc:bob@example.com': { username: 'bob', password: 'b-secret' } },
  groups: { team: { username: 'team', password: 'g-secret' }, crew: { token: 'c-secret' } },
}
const source = { kind: 'dremio', uri: 'grpc://127.0.0.1:1', username: 'service', password: 's-secret' }
const settingsOf = (more: object) => dremioSettings.parse({ ...source, ...more })

describe('the logins that stand for callers at Dremio', () => {
  it('are that of the principal, else that of the first group in the settings', () => {
    const identity = settingsOf({ identity: { mode: 'impersonate', ...logins } }).identity!
    const whose = (name: string, groups: readonly string[] = []) =>
      standInOf(identity, { name, roles: [], groups })?.standsFor
    expect(whose('ann', ['team'])).toBe('the principal ann')
    expect(whose('cid', ['crew', 'team'])).toBe('the group team')
    expect(whose('cid', ['crew'])).toBe('the group crew')
    expect(whose('cid')).toBeUndefined()
    expect(whose('constructor')).toBeUndefined()
    // A principal is never taken for a group of the same name.
    expect(new Set(standIns({ ...identity, groups: identity.principals }).map(({ standsFor }) => standsFor)).size).toBe(
      4,
    )
  })

  it('come from files and variables, and are never shown', () => {
    const folder = mkdtempSync(join(tmpdir(), 'flightgate-identity-'))
    writeFileSync(join(folder, 'ann'), 'f-secret\n')
    const identity = {
      mode: 'impersonate',
      principals: { ann: { token: `file:${join(folder, 'ann')}` } },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of the configuration.
      groups: { team: { username: 'team', password: '${TEAM_PASSWORD}' } },
    }
    const file = join(folder, 'config.yaml')
    writeFileSync(file, JSON.stringify({ sources: { lake: { ...source, identity } }, groups: { team: {} } }))
    const config = loadConfig({ file, env: { TEAM_PASSWORD: 'v-secret' } })
    rmSync(folder, { recursive: true })
    const text = JSON.stringify(config.sources)
    expect(text).toContain('f-secret')
    expect(text).toContain('v-secret')
    const shown = JSON.stringify(redactConfig(config))
    expect(shown).not.toContain('secret')
    expect(shown).toContain('"ann":{"token":"***"}')
    expect(shown).toContain('"team":{"username":"team","password":"***"}')
  })

  it('are refused in settings that contradict each other', () => {
    const wrong = settingsOf({
      username: undefined,
      password: undefined,
      cache: { scope: 'shared' },
      headers: { authorization: 'Bearer x' },
      identity: { mode: 'impersonate', principals: { ann: {}, bob: { username: 'b' } } },
    })
    expect(upstreamProblems('lake', wrong)).toEqual([
      'sources.lake.identity.principals.ann: set a token, or user and password',
      'sources.lake.identity.principals.bob.password: the user b has none; write "" if the server requires none',
      'sources.lake.identity.mode: health checks use the login of the source: set sources.lake.username and password, or token',
      'sources.lake.cache.scope: shared: with identity.mode each caller may see other rows: leave it out',
      'sources.lake.headers.authorization: with identity.mode it would be sent for every caller: leave it out',
    ])
    expect(upstreamProblems('lake', settingsOf({ cache: { scope: 'shared' }, identity: logins }))).toEqual([])
    expect(flightSqlSettings.safeParse({ ...source, kind: 'flightsql', identity: logins }).success).toBe(false)
  })

  it('Dremio refuses one: the connection is not used again, and the breaker does not count it', () => {
    const refusal = new GrpcFailure('UNAUTHENTICATED', 'token of ann is revoked', 'upstream')
    const failure = new RefusedLogin('the principal ann', refusal)
    expect([isFault(refusal), isFault(failure)]).toEqual([true, false])
    expect(releaseReasonOf(failure)).toBe('unusable')
    expect(upstreamError(failure, 'lake')).toMatchObject({
      code: 'UPSTREAM_FORBIDDEN',
      message:
        'The source lake refuses the login that stands for the principal ann: its operator must check sources.lake.identity.',
    })
  })
})
