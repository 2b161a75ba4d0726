/** What a grant can allow. `read` runs queries, `estimate` only estimates them, `ingest` uploads rows, `operate` controls what belongs to others. */
export const verbs = ['read', 'write', 'estimate', 'ingest', 'operate'] as const

/** One of `verbs`. */
export type Verb = (typeof verbs)[number]

/**
 * What a role allows. All members that are present must match; an absent one matches everything. Upper and lower case do not differ.
 */
export interface Grant {
  readonly verbs: readonly Verb[]
  /** Names of sources. */
  readonly sources?: readonly string[] | undefined
  /** Schemas, as `schema` or `catalog.schema`. */
  readonly schemas?: readonly string[] | undefined
  /** Tables and views, as `schema.table` or `catalog.schema.table`. */
  readonly tables?: readonly string[] | undefined
}

/** Grants by the name of the role that has them. */
export type RoleGrants = Readonly<Record<string, { readonly grants: readonly Grant[] }>>
