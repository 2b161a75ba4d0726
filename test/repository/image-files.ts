import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** The last stage of the Dockerfile, one instruction a line. */
const stage = readFileSync(join(root, 'Dockerfile'), 'utf8')
  .replaceAll(/\\\n\s*/g, '')
  .split(/^FROM /m)
  .at(-1)!
  .split('\n')

/** What the image runs. */
export interface Image {
  /** The working directory, below the folder that holds the image's files. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** ENTRYPOINT and CMD, without `node`. */
  readonly args: readonly string[]
  /** Arguments of `node` in the health check. */
  readonly healthCheck: readonly string[]
  readonly user: string
}

/**
 * Puts the files that the Dockerfile copies into a folder, as the image has them.
 * @param installed a folder in which the package is installed without what only development needs
 */
export function assembleImage(folder: string, installed: string): Image {
  const cwd = join(folder, 'app')
  const own = join(installed, 'node_modules', 'flightgate')
  const inImage = (path: string) => (path.startsWith('/') ? join(folder, path) : join(cwd, path))
  mkdirSync(cwd, { recursive: true })
  for (const [, from, to] of stage.join('\n').matchAll(/^COPY --from=build \/app\/(\S+) (\S+)$/gm)) {
    const target = inImage(to!.endsWith('/') ? join(to!, from!) : to!)
    mkdirSync(dirname(target), { recursive: true })
    if (from === 'node_modules') symlinkSync(join(installed, 'node_modules'), target)
    else cpSync(from!.startsWith('docker/') ? join(root, from!) : join(own, from!), target, { recursive: true })
  }
  const [made] = /(?<=^RUN mkdir )\S+/m.exec(stage.join('\n'))!
  mkdirSync(join(cwd, made))
  chmodSync(join(cwd, made), 0o777)
  const env = Object.fromEntries(
    [...stage.join('\n').matchAll(/^ENV (\w+)=(\S+)$/gm)].map(([, name, value]) => [name!, value!]),
  )
  // Tests listen on the loopback interface, and the root of the image is a folder here.
  const config = inImage(env['FLIGHTGATE_CONFIG']!)
  writeFileSync(config, readFileSync(config, 'utf8').replaceAll('0.0.0.0', '127.0.0.1'))
  const listOf = (instruction: string): string[] =>
    JSON.parse(new RegExp(`^${instruction} .*?(\\[.*\\])$`, 'm').exec(stage.join('\n'))![1]!)
  const withoutNode = (command: readonly string[]) => command.slice(command[0] === 'node' ? 1 : 0)
  return {
    cwd,
    env: { ...env, FLIGHTGATE_CONFIG: config },
    args: [...withoutNode(listOf('ENTRYPOINT')), ...listOf('CMD')],
    healthCheck: withoutNode(listOf('HEALTHCHECK')),
    user: /^USER (\w+)$/m.exec(stage.join('\n'))![1]!,
  }
}
