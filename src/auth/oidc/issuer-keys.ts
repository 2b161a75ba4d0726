import type { createLocalJWKSet, JWTVerifyGetKey } from 'jose'
import { GatewayError } from '../../query/errors.ts'
import type { Logger } from '../../query/types.ts'
import { fetchJson } from './fetch-json.ts'
import type { IssuerSettings } from './issuer-settings.ts'

/** Largest answer of an issuer, in bytes. */
const MAX_ANSWER_BYTES = 1 << 20
const DISCOVERY_PATH = '/.well-known/openid-configuration'
/** After a failed request the next one waits this long, in milliseconds. */
const RETRY_MS = 2000

type KeysSettings = Pick<
  IssuerSettings,
  'name' | 'issuer' | 'jwksUri' | 'keysRefreshMs' | 'keysCooldownMs' | 'keysMaxAgeMs' | 'timeoutMs'
>

/** Dependencies of `IssuerKeys`. */
export interface IssuerKeysDependencies {
  readonly log: Logger
  /** Told of each request for the keys. */
  readonly onFetch: (issuer: string, isOk: boolean) => void
}

interface Fetched {
  readonly find: JWTVerifyGetKey
  readonly ids: string
  readonly at: number
}

/**
 * The public keys of an issuer. They are fetched once for all callers, anew when they are old or a token names an unknown one, and
 * keep counting for a time while the issuer does not answer. No call waits longer than the time limit of two requests.
 */
export class IssuerKeys {
  readonly #settings: KeysSettings
  readonly #deps: IssuerKeysDependencies
  #fetched: Fetched | undefined
  #pending: Promise<void> | undefined
  #triedAt = Number.NEGATIVE_INFINITY
  #hasFailed = false

  constructor(settings: KeysSettings, deps: IssuerKeysDependencies) {
    this.#settings = settings
    this.#deps = deps
  }

  /**
   * Finds the key of a token, as jose asks for it.
   * @throws GatewayError ISSUER_UNAVAILABLE if there are no keys, or none that is young enough. Errors of jose if no key fits
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const { keysRefreshMs, keysMaxAgeMs, keysCooldownMs } = this.#settings
    const ageMs = this.#ageMs
    if (ageMs > keysMaxAgeMs) await this.refresh(RETRY_MS)
    else if (ageMs > keysRefreshMs) this.refresh(RETRY_MS).catch(() => {})
    const keys = this.#fetched
    if (!keys || this.#ageMs > keysMaxAgeMs) throw this.#unavailable()
    try {
      return await keys.find(header, token)
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_JWKS_NO_MATCHING_KEY') throw error
      // The issuer may have a new key.
      await this.refresh(keysCooldownMs)
      if (this.#fetched === keys) throw error
      return await this.#fetched!.find(header, token)
    }
  }

  /**
   * Fetches the keys, unless the last attempt is younger than `pauseMs`; callers share one request.
   * @throws GatewayError ISSUER_UNAVAILABLE
   */
  async refresh(pauseMs: number): Promise<void> {
    if (!this.#pending) {
      const waitMs = this.#hasFailed ? RETRY_MS : pauseMs
      if (performance.now() - this.#triedAt < waitMs) {
        if (this.#hasFailed) throw this.#unavailable()
        return
      }
      this.#pending = this.#fetch().finally(() => {
        this.#triedAt = performance.now()
        this.#pending = undefined
      })
    }
    await this.#pending
  }

  get #ageMs(): number {
    return this.#fetched ? performance.now() - this.#fetched.at : Number.POSITIVE_INFINITY
  }

  async #fetch(): Promise<void> {
    const { name, issuer } = this.#settings
    try {
      const uri = this.#settings.jwksUri ?? (await this.#discover())
      const set = (await this.#get(uri)) as Parameters<typeof createLocalJWKSet>[0]
      const { createLocalJWKSet: keysOf } = await import('jose')
      const ids = set.keys?.map(({ kid }) => String(kid)).join(' ')
      const isNew = ids !== this.#fetched?.ids
      this.#fetched = { find: keysOf(set), ids, at: performance.now() }
      if (isNew || this.#hasFailed)
        this.#deps.log.info(
          { event: 'issuer_keys', issuer: name, keys: set.keys.length },
          'fetched the keys of an issuer',
        )
      this.#hasFailed = false
      this.#deps.onFetch(name, true)
    } catch (cause) {
      this.#hasFailed = true
      this.#deps.onFetch(name, false)
      const reason = reasonOf(cause)
      this.#deps.log.warn(
        { event: 'issuer_keys', issuer: name, url: issuer, reason },
        'cannot fetch the keys of an issuer',
      )
      throw this.#unavailable(cause)
    }
  }

  async #discover(): Promise<string> {
    const { issuer } = this.#settings
    const document = (await this.#get(issuer.replace(/\/$/, '') + DISCOVERY_PATH)) as Record<string, unknown>
    const uri = document['jwks_uri']
    if (document['issuer'] !== issuer) throw new Error(`the document is that of the issuer ${document['issuer']}`)
    const scheme = typeof uri === 'string' ? URL.parse(uri)?.protocol : undefined
    if (scheme !== 'https:' && !(scheme === 'http:' && issuer.startsWith('http:')))
      throw new Error('the document has no jwks_uri with https')
    return uri as string
  }

  #get(url: string): Promise<unknown> {
    return fetchJson(url, this.#settings.timeoutMs, MAX_ANSWER_BYTES)
  }

  #unavailable(cause?: unknown): GatewayError {
    return new GatewayError(
      'ISSUER_UNAVAILABLE',
      `The gateway cannot get the keys of the issuer ${this.#settings.name} of the token: try again later.`,
      { cause, retryAfterMs: RETRY_MS },
    )
  }
}

/** Why a request failed; fetch keeps that in the cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  const inner = (cause as (Error & { code?: string }) | undefined)?.code ?? (cause as Error | undefined)?.message
  return inner === undefined ? message : `${message} (${inner})`
}
