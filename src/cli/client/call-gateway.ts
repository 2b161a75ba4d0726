import { ExitCode } from '../exit-code.ts'
import type { ConnectionOptions } from './connection-options.ts'
import { describeFailure } from './describe-failure.ts'
import { GatewayClient } from './gateway-client.ts'

/**
 * Calls the Gateway service for a command, and prints the answer. An interrupt cancels the call, and a failure is told.
 * @param work returns what is printed
 * @returns the exit code
 */
export async function callGateway(
  options: ConnectionOptions,
  work: (client: GatewayClient) => Promise<string>,
): Promise<number> {
  const client = new GatewayClient(options)
  let interrupted = false
  const onInterrupt = () => {
    interrupted = true
    client.cancel()
  }
  process.once('SIGINT', onInterrupt)
  try {
    process.stdout.write(`${await work(client)}\n`)
    return ExitCode.ok
  } catch (error) {
    if (interrupted) return ExitCode.interrupted
    process.stderr.write(`${describeFailure(error, options.endpoint)}\n`)
    return ExitCode.failed
  } finally {
    process.off('SIGINT', onInterrupt)
    client.close()
  }
}
