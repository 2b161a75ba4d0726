import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A server started by its command line. */
export interface StartedServer {
  readonly flight: string
  readonly http: string
  /** Ends it; answers with its exit code. */
  stop(): Promise<number>
}

/** Starts a command that serves, and waits for its line that says so. */
export async function startCommand(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<StartedServer> {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 255)))
  const ready = new Promise<Record<string, unknown>>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      if (line.includes('"event":"ready"')) resolve(JSON.parse(line))
    })
  })
  const line = await Promise.race([
    ready,
    exited.then((code) => {
      throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
    }),
  ])
  return {
    flight: line['flight'] as string,
    http: line['http'] as string,
    stop: () => {
      child.kill('SIGTERM')
      return exited
    },
  }
}
