import { hash } from 'node:crypto'
import type { Context, PlannedRead } from '../../query/types.ts'
import type { Revisions } from './revisions.ts'

/** Under which key the rows of a statement are, and which statement they must belong to. */
export interface CacheKey {
  /** SHA-256, as base64url. */
  readonly key: string
  /** SHA-256 of statement, parameters and schema. An entry under a key that the client chose must have the same one. */
  readonly identity: string
}

/** What a key is made of besides the statement itself. */
export interface KeyParts {
  readonly revisions: Revisions
  /** Whether all principals share the results of the source. */
  readonly isShared: boolean
  /** Names of request metadata on which the rows of the source may depend. */
  readonly metadataNames: readonly string[]
  /** Whether the source reads the raw bytes of a command otherwise than the same statement. */
  readonly hasOwnCommands: boolean
  /** The statement without comments and needless spaces. */
  readonly canonical: string
}

/** The key of a statement's rows. Statements with the same one get the same rows, unless the data changes. */
export function cacheKey(plan: PlannedRead, ctx: Context, parts: KeyParts): CacheKey {
  const { source, parameters, session, rawCommand = false } = plan.query
  const { revisions, isShared, metadataNames, hasOwnCommands, canonical } = parts
  const bound = parameters ? hash('sha256', parameters, 'base64url') : ''
  const identity = hash('sha256', JSON.stringify([canonical, bound, plan.schemaDigest]), 'base64url')
  const ownName = session.cacheControl?.key
  const members = [
    source,
    hasOwnCommands && rawCommand,
    revisions.ofSource(source),
    isShared ? '' : revisions.ofPrincipal(ctx.principal),
    session.catalog,
    session.schema,
    session.losslessTypes,
    session.dictionaries,
    metadataNames.map((name) => ctx.metadata?.[name] ?? null),
    // A client's name of an entry must not match the identity of another one.
    ownName === undefined ? 0 : 1,
    ownName ?? identity,
  ]
  return { key: hash('sha256', JSON.stringify(members), 'base64url'), identity }
}

/** Digest of a result's schema for `PlannedRead.schemaDigest`; undefined without a schema. */
export function schemaDigest(schema: Uint8Array): string | undefined {
  return schema.byteLength === 0 ? undefined : hash('sha256', schema, 'base64url').slice(0, 16)
}
