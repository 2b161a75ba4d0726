import { z } from 'zod'
import type { configSchema } from './schema.ts'

/** The subset of JSON Schema that describes settings. */
export interface SettingSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, SettingSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: SettingSchema | boolean
  readonly items?: SettingSchema
  readonly oneOf?: readonly SettingSchema[]
  readonly anyOf?: readonly SettingSchema[]
  readonly secret?: boolean
  /** What a text must be, if it has a form. */
  readonly form?: string
}

/** The configuration file as JSON Schema. */
export function settingsSchema(schema: typeof configSchema): SettingSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as SettingSchema
}

/** The schema of the setting at a path of the file, if there is one. */
export function schemaAt(root: SettingSchema, path: readonly PropertyKey[]): SettingSchema | undefined {
  let at: SettingSchema | undefined = root
  for (const key of path) {
    if (!at) return undefined
    const name = String(key)
    const named: SettingSchema | undefined = variants(at).find((each) => each.properties?.[name])?.properties?.[name]
    at = named ?? at.items ?? (typeof at.additionalProperties === 'object' ? at.additionalProperties : undefined)
  }
  return at
}

/** The names of the settings below a schema. */
export function knownNames(schema: SettingSchema): string[] {
  return variants(schema).flatMap((each) => Object.keys(each.properties ?? {}))
}

/** The kinds that have a setting, if the settings below the schema depend on its `kind`. */
export function kindsWith(schema: SettingSchema, name: string): string[] {
  return variants(schema).flatMap(({ properties }) =>
    properties?.[name] && properties['kind']?.const !== undefined ? [String(properties['kind'].const)] : [],
  )
}

function variants(schema: SettingSchema): readonly SettingSchema[] {
  return [schema, ...(schema.oneOf ?? []), ...(schema.anyOf ?? [])]
}
