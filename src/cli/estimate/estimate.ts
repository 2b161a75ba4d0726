import { text } from 'node:stream/consumers'
import type { Statement } from '../../../gen/flightgate/v1/gateway_service.ts'
import type { ConnectionOptions } from '../client/connection-options.ts'
import { describeFailure } from '../client/describe-failure.ts'
import { GatewayClient } from '../client/gateway-client.ts'
import { ExitCode } from '../exit-code.ts'
import { estimateJson } from './estimate-json.ts'
import { estimateText } from './estimate-text.ts'

/** Options of `flightgate estimate`. */
export interface EstimateOptions extends ConnectionOptions {
  /** Whether the argument names a table to read, in place of a statement. */
  readonly table?: boolean
  readonly json?: boolean
  /** What the statement may cost, in US dollars. */
  readonly maxCost?: number
  /** Bytes that the statement may bill. */
  readonly maxBytes?: number
}

const none = new Uint8Array(0)

/**
 * Prints what a statement would read and cost, without running it.
 * @param argument the statement, `-` for standard input, or the name of a table
 * @returns the exit code: `refused` if the gateway would not run the statement
 */
export async function estimate(argument: string, options: EstimateOptions): Promise<number> {
  const client = new GatewayClient(options)
  let interrupted = false
  const onInterrupt = () => {
    interrupted = true
    client.cancel()
  }
  process.once('SIGINT', onInterrupt)
  try {
    const statement = statementOf(argument === '-' ? await text(process.stdin) : argument, options)
    const { estimate: found } = await client.call('estimateCost', { statement })
    if (!found) throw new Error('the answer has no estimate')
    const printed = options.json ? JSON.stringify(estimateJson(found), undefined, 2) : estimateText(estimateJson(found))
    process.stdout.write(`${printed}\n`)
    return found.refusal === '' ? ExitCode.ok : ExitCode.refused
  } catch (error) {
    if (interrupted) return ExitCode.interrupted
    process.stderr.write(`${describeFailure(error, options.endpoint)}\n`)
    return ExitCode.failed
  } finally {
    process.off('SIGINT', onInterrupt)
    client.close()
  }
}

function statementOf(argument: string, { table, maxCost, maxBytes }: EstimateOptions): Statement {
  const scan = { name: argument.trim(), columns: [], filter: '', limit: undefined }
  return {
    id: '',
    text: table ? { $case: 'table', value: scan } : { $case: 'query', value: argument },
    dataSource: '',
    parameters: none,
    maxCostUsd: maxCost,
    maxBytesBilled: maxBytes === undefined ? undefined : BigInt(maxBytes),
  }
}
