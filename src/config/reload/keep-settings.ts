import type { Config } from '../config.ts'
import type { SettingPath } from '../setting/path.ts'

type Section = Readonly<Record<PropertyKey, unknown>>

/** The new configuration with the values of the running one at these paths. */
export function keepSettings(running: Config, next: Config, paths: readonly SettingPath[]): Config {
  return paths.reduce<Config>((config, path) => withValueOf(config, running, path) as Config, next)
}

function withValueOf(target: unknown, from: unknown, [key, ...rest]: SettingPath): unknown {
  const value = (from as Section | undefined)?.[key!]
  if (rest.length === 0) {
    const { [key!]: _, ...others } = target as Section
    return value === undefined ? others : { ...others, [key!]: value }
  }
  return { ...(target as Section), [key!]: withValueOf((target as Section)[key!], value, rest) }
}
