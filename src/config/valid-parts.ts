import type { z } from 'zod'
import type { SourceSettings } from '../sources/kind.ts'
import type { ListenAddress } from './listen.ts'
import type { configSchema } from './schema.ts'
import { contains, overlaps, type SettingPath } from './setting/path.ts'

type Parsed = z.output<typeof configSchema>
type Section = Readonly<Record<string, unknown>>

/** The valid settings of a configuration in which others may be faulty. A faulty setting is undefined, or left out. */
export interface ValidParts {
  readonly listen: { readonly flight?: ListenAddress | undefined; readonly http?: ListenAddress | undefined }
  readonly tls: Parsed['tls']
  /** 1 if the setting is faulty. */
  readonly workers: number
  /** Principals by their index in the list; undefined if the list itself is faulty. */
  readonly apiKeys: readonly (Parsed['auth']['apiKeys'][number] | undefined)[] | undefined
  /** Valid issuers; empty if one is faulty. */
  readonly oidc: Parsed['auth']['oidc']
  /** Login to the console; undefined if there is none or it is faulty. */
  readonly consoleLogin: Parsed['console']['oidc']
  /** Whether callers can authenticate by something else than an API key, however faulty. */
  readonly hasOtherLogin: boolean
  /** Whether clients may have certificates, however faulty the settings are. */
  readonly hasCertificates: boolean
  /** Roles and groups that holders of certificates may have; empty if these settings are faulty. */
  readonly certificateRoles: readonly string[]
  readonly certificateGroups: readonly string[]
  readonly sources: Readonly<Record<string, SourceSettings>>
  /** The roles without faults. */
  readonly roles: Parsed['roles']
  /** Names of the roles, those with faults too; undefined if the section itself is faulty. */
  readonly roleNames: readonly string[] | undefined
  /** The groups without faults. */
  readonly groups: Parsed['groups']
  /** Names of the groups, those with faulty settings too; undefined if the section itself is faulty. */
  readonly groupNames: readonly string[] | undefined
  readonly state: Parsed['state'] | undefined
  readonly cache: Parsed['cache'] | undefined
  /** Names of all sources, those with faulty settings too; undefined if the section itself is faulty. */
  readonly sourceNames: readonly string[] | undefined
  /** Present if the setting is valid; the value is undefined if it is not set. */
  readonly defaultSource?: { readonly value: string | undefined }
  readonly limits: Partial<Parsed['limits']>
  /** Names of the limits that are set, in the file or by a variable. */
  readonly setLimits: readonly string[]
  readonly http: Partial<Parsed['http']>
  /** Names of the settings of `http` that are set. */
  readonly setHttp: readonly string[]
}

/**
 * The settings without faults, each with its default where it is not set.
 * @param root content of the configuration file, with the environment applied
 * @param faults paths of the faulty settings
 */
export function validParts(root: Section, schema: typeof configSchema, faults: readonly SettingPath[]): ValidParts {
  const isFaulty = (...path: SettingPath) => faults.some((fault) => overlaps(fault, path))
  const isBroken = (...path: SettingPath) => faults.some((fault) => contains(fault, path))
  const { listen, tls, workers, auth, sources, roles, groups, state, cache, limits, http } = schema.shape
  const within = (section: string): Section => (isBroken(section) ? {} : ((root[section] as Section | undefined) ?? {}))
  const address = (name: 'flight' | 'http') =>
    isFaulty('listen', name) ? undefined : listen.safeParse({ [name]: within('listen')[name] }).data?.[name]
  const namesOfCertificates = (setting: 'roles' | 'groups') =>
    isFaulty('auth', 'clientCertificates')
      ? []
      : Object.keys(
          (within('auth')['clientCertificates'] as Partial<Record<string, object>> | undefined)?.[setting] ?? {},
        )
  const keys = (within('auth')['apiKeys'] ?? []) as readonly unknown[]
  const named = isBroken('sources') ? undefined : ((root['sources'] ?? sources.safeParse(undefined).data) as Section)
  const given = within('limits')
  const validLimits = limits.safeParse(without(given, (name) => isFaulty('limits', name))).data
  const givenHttp = within('http')
  const validHttp = http.safeParse(without(givenHttp, (name) => isFaulty('http', name))).data
  return {
    listen: { flight: address('flight'), http: address('http') },
    tls: isFaulty('tls') ? undefined : tls.safeParse(root['tls']).data,
    workers: isFaulty('workers') ? 1 : (workers.safeParse(root['workers']).data ?? 1),
    apiKeys: isBroken('auth', 'apiKeys')
      ? undefined
      : keys.map((key, i) =>
          isFaulty('auth', 'apiKeys', i) ? undefined : auth.safeParse({ apiKeys: [key] }).data?.apiKeys[0],
        ),
    oidc: isFaulty('auth', 'oidc') ? [] : (auth.safeParse({ oidc: within('auth')['oidc'] }).data?.oidc ?? []),
    consoleLogin: isFaulty('console') ? undefined : schema.shape.console.safeParse(root['console']).data?.oidc,
    hasOtherLogin: ['oidc', 'clientCertificates'].some((name) => within('auth')[name] !== undefined),
    certificateRoles: namesOfCertificates('roles'),
    certificateGroups: namesOfCertificates('groups'),
    hasCertificates: within('auth')['clientCertificates'] !== undefined,
    sources: sources.safeParse(without(named ?? {}, (name) => isFaulty('sources', name))).data ?? {},
    sourceNames: named && Object.keys(named),
    roles: roles.safeParse(without(within('roles'), (name) => isFaulty('roles', name))).data ?? {},
    roleNames: isBroken('roles') ? undefined : Object.keys(within('roles')),
    groups: groups.safeParse(without(within('groups'), (name) => isFaulty('groups', name))).data ?? {},
    groupNames: isBroken('groups') ? undefined : Object.keys(within('groups')),
    cache: isFaulty('cache') ? undefined : cache.safeParse(root['cache']).data,
    state: isFaulty('state') ? undefined : state.safeParse(root['state']).data,
    ...(!isFaulty('defaultSource') && { defaultSource: { value: root['defaultSource'] as string | undefined } }),
    limits: without(validLimits ?? {}, (name) => isFaulty('limits', name)),
    setLimits: Object.keys(given),
    http: without(validHttp ?? {}, (name) => isFaulty('http', name)),
    setHttp: Object.keys(givenHttp),
  }
}

function without<T extends object>(section: T, isLeftOut: (name: string) => boolean): T {
  return Object.fromEntries(Object.entries(section).filter(([name]) => !isLeftOut(name))) as T
}
