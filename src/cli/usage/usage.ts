import { callGateway } from '../client/call-gateway.ts'
import type { ConnectionOptions } from '../client/connection-options.ts'
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
  const { month = '', principal = '', group = '', label = '', source = '', json } = options
  return await callGateway(options, async (client) => {
    const costs = usageJson(await client.call('getCosts', { month, dataSource: source, principal, group, label }))
    return json ? JSON.stringify(costs, undefined, 2) : usageText(costs)
  })
}
