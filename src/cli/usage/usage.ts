import type { ConnectionOptions } from '../client/connection-options.ts'
import { describeFailure } from '../client/describe-failure.ts'
import { GatewayClient } from '../client/gateway-client.ts'
import { ExitCode } from '../exit-code.ts'
import { usageJson } from './usage-json.ts'
import { usageText } from './usage-text.ts'

/** Options of `flightgate usage`. */
export interface UsageOptions extends ConnectionOptions {
  /** As `2026-11`. */
  readonly month?: string
  readonly principal?: string
  readonly group?: string
  readonly label?: string
  readonly json?: boolean
}

/** Prints what the statements of a month have cost. Returns the exit code. */
export async function usage(options: UsageOptions): Promise<number> {
  const { month = '', principal = '', group = '', label = '', source = '', endpoint, json } = options
  const client = new GatewayClient(options)
  let interrupted = false
  const onInterrupt = () => {
    interrupted = true
    client.cancel()
  }
  process.once('SIGINT', onInterrupt)
  try {
    const costs = usageJson(await client.call('getCosts', { month, dataSource: source, principal, group, label }))
    process.stdout.write(`${json ? JSON.stringify(costs, undefined, 2) : usageText(costs)}\n`)
    return ExitCode.ok
  } catch (error) {
    if (interrupted) return ExitCode.interrupted
    process.stderr.write(`${describeFailure(error, endpoint)}\n`)
    return ExitCode.failed
  } finally {
    process.off('SIGINT', onInterrupt)
    client.close()
  }
}
