import { z } from 'zod'
import { type RoleGrants, verbs } from '../../query/access/grant.ts'
import { builtInRoleNames } from '../../query/access/roles.ts'

/** Name of a role. */
export const roleName = z.string().regex(/^[\w.@-]{1,64}$/, 'must be 1 to 64 letters, digits, or any of . _ @ -')

const part = '[^.\\s](?:[^.]*[^.\\s])?'
const schemaForm = new RegExp(`^${part}(?:\\.${part})*$`)
const tableForm = new RegExp(`^${part}(?:\\.${part})+$`)

const names = (form: RegExp, words: string) =>
  z
    .array(z.string().max(1000).regex(form, `must be ${words}`))
    .min(1)
    .max(1000)
    .optional()

const grantSchema = z.strictObject({
  verbs: z
    .array(z.enum(verbs))
    .min(1)
    .describe(
      '`read` runs queries; `write` runs statements that change data; `ingest` uploads rows in bulk; `estimate` asks what a statement would read and cost; `operate` sees and controls what belongs to others: statements, usage, costs, the cache.',
    ),
  sources: z
    .array(z.string())
    .min(1)
    .max(1000)
    .optional()
    .describe('Names of sources. By default all, those that are added later too.'),
  schemas: names(schemaForm, '`schema` or `catalog.schema`').describe(
    'Schemas, as `schema` or `catalog.schema`. By default all.',
  ),
  tables: names(tableForm, '`schema.table` or `catalog.schema.table`').describe(
    'Tables and views, as `schema.table` or `catalog.schema.table`. By default all.',
  ),
})

/** Schema of `roles`. */
export const rolesSchema = z
  .record(
    roleName,
    z.strictObject({
      grants: z
        .array(grantSchema)
        .min(1)
        .max(1000)
        .describe(
          'What the role allows. A grant allows its verbs on what matches all its members; several grants add up.',
        ),
    }),
  )
  .default({})

/**
 * Problems of roles, one line each.
 * @param sourceNames undefined if they are not known
 */
export function roleProblems(roles: RoleGrants, sourceNames: readonly string[] | undefined): string[] {
  const known = new Set(sourceNames?.map((name) => name.toLowerCase()))
  return Object.entries(roles).flatMap(([role, { grants }]) => {
    if (builtInRoleNames.includes(role))
      return [`roles.${role}: the gateway has a role of this name: choose another name`]
    return grants.flatMap((grant, i) => {
      const at = `roles.${role}.grants[${i}]`
      const unknown = sourceNames ? (grant.sources ?? []).filter((name) => !known.has(name.toLowerCase())) : []
      const problems = unknown.map(
        (name) => `${at}.sources: there is no source ${name}; known: ${sourceNames!.join(', ')}`,
      )
      if (grant.verbs.includes('operate') && (grant.schemas || grant.tables))
        problems.push(`${at}: operate is about whole sources: give it a grant of its own, without schemas and tables`)
      return problems
    })
  })
}

/**
 * Problems of a list of roles, one line each.
 * @param setting path of the list
 * @param configured names of the roles in the configuration; undefined if they are not known
 */
export function unknownRoles(
  setting: string,
  roles: readonly string[],
  configured: readonly string[] | undefined,
): string[] {
  if (!configured) return []
  const known = [...new Set([...builtInRoleNames, ...configured])]
  return roles
    .filter((role) => !known.includes(role))
    .map((role) => `${setting}: there is no role ${role}; known: ${known.join(', ')}`)
}
