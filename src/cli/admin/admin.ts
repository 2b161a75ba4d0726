import { type ActionReach, BreakerMode } from '../../../gen/flightgate/v1/gateway_service.ts'
import { callGateway } from '../client/call-gateway.ts'
import type { ConnectionOptions } from '../client/connection-options.ts'
import { ExitCode } from '../exit-code.ts'
import { queriesJson, queriesText } from './queries-output.ts'

/** Options of `flightgate admin`. */
export interface AdminOptions extends ConnectionOptions {
  readonly reason?: string
  readonly json?: boolean
}

/** Options of `flightgate admin queries`. */
export interface QueriesOptions extends AdminOptions {
  readonly principal?: string
}

/** Options of `flightgate admin reload`. */
export interface ReloadOptions extends AdminOptions {
  readonly dryRun?: boolean
}

/** Values of the argument of `flightgate admin breaker`. */
export const breakerModes = ['automatic', 'open', 'closed'] as const

const messages = {
  automatic: BreakerMode.BREAKER_MODE_AUTOMATIC,
  open: BreakerMode.BREAKER_MODE_OPEN,
  closed: BreakerMode.BREAKER_MODE_CLOSED,
} as const

/** Prints the statements of all principals that wait or run. Returns the exit code. */
export async function listQueries({ source = '', principal = '', json, ...options }: QueriesOptions): Promise<number> {
  return await callGateway(options, async (client) => {
    const answer = queriesJson(await client.call('listQueries', { dataSource: source, principal, allPrincipals: true }))
    return json ? JSON.stringify(answer, undefined, 2) : queriesText(answer)
  })
}

/** Ends a statement. Returns the exit code. */
export async function killQuery(id: string, { reason, json, ...options }: AdminOptions): Promise<number> {
  return await callGateway(options, async (client) => {
    await client.call('cancelQuery', { id, reason })
    return json ? JSON.stringify({ cancelled: id }, undefined, 2) : `The statement ${id} has been told to end.`
  })
}

/** Closes a source to new statements, or opens it again. Returns the exit code. */
export async function drainSource(
  name: string,
  isDrained: boolean,
  { reason, json, ...options }: AdminOptions,
): Promise<number> {
  return await callGateway(options, async (client) => {
    const { reach } = await client.call(isDrained ? 'drainSource' : 'undrainSource', { name, reason })
    const what = isDrained ? `${name} takes no new statements; those that run go on` : `${name} takes statements again`
    return reachText(what, reach, json)
  })
}

/** Holds the circuit breakers of a source. Returns the exit code. */
export async function setBreaker(
  name: string,
  mode: (typeof breakerModes)[number],
  { address = '', reason, json, ...options }: AdminOptions & { readonly address?: string },
): Promise<number> {
  return await callGateway(options, async (client) => {
    const { reach } = await client.call('setBreaker', { name, address, mode: messages[mode], reason })
    const servers = address === '' ? 'all its servers' : address
    return reachText(`The circuit breaker of ${name} is ${mode}, for ${servers}`, reach, json)
  })
}

/** Seals with a new key. Returns the exit code. */
export async function rotateKeys({ reason, json, ...options }: AdminOptions): Promise<number> {
  return await callGateway(options, async (client) => {
    const { reach } = await client.call('rotateSealKeys', { reason })
    return reachText('New tickets, tokens and handles have a new key; earlier ones stay valid', reach, json)
  })
}

/** Reloads the configuration, or tells what that would change. Returns the exit code, for a dry run as `check-config --diff`. */
export async function reloadConfig({ dryRun = false, reason, json, ...options }: ReloadOptions): Promise<number> {
  let differs: number = ExitCode.ok
  const code = await callGateway(options, async (client) => {
    const { changed, needsRestart, problems, digest } = await client.call('reloadConfig', { dryRun, reason })
    if (dryRun && needsRestart.length > 0) differs = ExitCode.needsRestart
    else if (dryRun && changed.length > 0) differs = ExitCode.differs
    if (json) {
      const report = { dry_run: dryRun, changed, needs_restart: needsRestart, problems, digest }
      return JSON.stringify(report, undefined, 2)
    }
    const [done, none] = dryRun ? ['would change', 'Nothing would change.'] : ['changed', 'Nothing has changed.']
    const lines = [
      ...changed.map((setting) => `${done}: ${setting}`),
      ...needsRestart.map((setting) => `needs a restart: ${setting}`),
      ...problems.map((problem) => `problem: ${problem}`),
    ]
    return lines.length > 0 ? lines.join('\n') : none!
  })
  return code === ExitCode.ok ? differs : code
}

function reachText(what: string, { confirmed, missing }: ActionReach = { confirmed: 1, missing: 0 }, json = false) {
  if (json) return JSON.stringify({ confirmed, missing }, undefined, 2)
  const others = missing === 0 ? '' : ` ${missing} did not answer: run the command again.`
  return `${what}. ${confirmed} ${confirmed === 1 ? 'process has' : 'processes have'} confirmed.${others}`
}
