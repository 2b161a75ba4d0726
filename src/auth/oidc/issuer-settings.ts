/** Settings of an OpenID Connect issuer; `docs/configuration.md`, `auth.oidc`, explains each. */
export interface IssuerSettings {
  /** Names of its principals begin with this and a colon. */
  readonly name: string
  readonly issuer: string
  readonly audience: string
  readonly jwksUri?: string | undefined
  readonly algorithms: readonly string[]
  readonly clockToleranceMs: number
  readonly maxTokenAgeMs?: number | undefined
  readonly keysRefreshMs: number
  readonly keysCooldownMs: number
  readonly keysMaxAgeMs: number
  readonly timeoutMs: number
  readonly claims: { readonly principal: string; readonly groups: string; readonly roles?: string | undefined }
  /** Groups whose members have a role, by the name of the role. */
  readonly roles: Readonly<Record<string, readonly string[]>>
  /** Groups of the issuer whose members belong to a group of the configuration, by its name. */
  readonly groups: Readonly<Record<string, readonly string[]>>
  readonly defaultRoles: readonly string[]
}
