import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { endWithTests } from './end-with-tests.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** The interpreter of the Python environment of the tests. */
export const python = `${root}.cache/python/bin/python`

/** Whether the Python environment of the tests is installed; prints a note if not, and fails in CI. */
export function hasPython(): boolean {
  if (existsSync(python)) return true
  if (process.env['CI'] === 'true') throw new Error('the Python environment is missing: run npm test')
  process.stderr.write('skipped: the Python environment is missing (npm test installs it)\n')
  return false
}

/** Starts a script of test/python with its arguments. */
export function spawnPython(script: string, args: readonly string[]): ChildProcess {
  const child = spawn(python, [`${root}test/python/${script}`, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  endWithTests(child)
  return child
}

/** Runs one line of Python; returns its output. */
export async function runPythonLine(line: string): Promise<string> {
  const { stdout } = await promisify(execFile)(python, ['-c', line])
  return stdout
}

/** Runs a script of test/python to its end; returns the JSON of its last line. */
export async function runPython<T>(script: string, ...args: string[]): Promise<T> {
  const child = spawnPython(script, args)
  let out = ''
  let err = ''
  child.stdout!.on('data', (text) => (out += text))
  child.stderr!.on('data', (text) => (err += text))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`${script} ended with ${code}:\n${err}\n${out}`)
  return JSON.parse(out.trim().split('\n').at(-1)!) as T
}
