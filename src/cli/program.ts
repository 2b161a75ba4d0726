import { Command, type CommanderError, InvalidArgumentError, Option } from 'commander'
import { packageVersion } from '../ops/version.ts'
import { addAdminCommands } from './admin/add-admin-commands.ts'
import type { ClearOptions, StatsOptions } from './cache/cache.ts'
import { addEntryOptions, demandChoice } from './cache/clear-options.ts'
import { parseAddress } from './client/address.ts'
import { endWithoutReader } from './end-without-reader.ts'
import type { EstimateOptions } from './estimate/estimate.ts'
import { ExitCode } from './exit-code.ts'
import type { McpOptions } from './mcp/limits.ts'
import type { QueryOptions } from './query/options.ts'
import type { UsageOptions } from './usage/usage.ts'

/** Builds the command line. Each command imports its code when it runs, so that `--help` is fast. */
export function buildProgram(): Command {
  const program = new Command('flightgate')
    .description('One Arrow Flight SQL endpoint in front of your engines.')
    .version(packageVersion())
    .exitOverride((error) => {
      if (error.code === 'commander.unknownOption')
        process.stderr.write(
          'Options of a command stand after its name, as in: flightgate serve --config flightgate.yaml\n',
        )
      endWithUsageCode(error)
    })
    .hook('preAction', (_, command) => {
      // The server drains, and a query stops reading.
      if (command.name() !== 'serve' && command.name() !== 'query') endWithoutReader()
    })
  program
    .command('serve')
    .description('Serve until a signal: the first one drains, a second one stops at once.')
    .option('-c, --config <file>', 'YAML configuration (or the variable FLIGHTGATE_CONFIG)')
    .option('-w, --workers <count>', 'processes that serve the ports; overrides the setting workers', wholeNumber)
    .addHelpText('after', '\nExample:\n  flightgate serve --config flightgate.yaml')
    .exitOverride(endWithUsageCode)
    .action(async (options: { config?: string; workers?: number }) => {
      const { serve } = await import('./serve.ts')
      await serve(options)
    })
  program
    .command('check-config')
    .description('Check a configuration, list all problems, and print the effective settings without secrets.')
    .option('-c, --config <file>', 'YAML configuration (or the variable FLIGHTGATE_CONFIG)')
    .option('-d, --diff <other>', 'list instead what would change if this configuration replaced the one in that file')
    .addHelpText(
      'after',
      '\nWith --diff, exit code 0: nothing would change; 5: a reload applies all; 6: some need a restart.\n\nExamples:\n  flightgate check-config --config flightgate.yaml\n  flightgate check-config --config new.yaml --diff flightgate.yaml',
    )
    .exitOverride(endWithUsageCode)
    .action(async (options: { config?: string; diff?: string }) => {
      const { checkConfig } = await import('./check-config.ts')
      checkConfig(options)
    })
  program
    .command('doctor')
    .description('Check each configured source step by step, and say what to fix.')
    .option('-c, --config <file>', 'YAML configuration (or the variable FLIGHTGATE_CONFIG)')
    .option('--timeout <seconds>', 'time limit for all checks', seconds, 60)
    .addHelpText('after', '\nExample:\n  flightgate doctor --config flightgate.yaml')
    .exitOverride(endWithUsageCode)
    .action(async (options: { config?: string; timeout: number }) => {
      const { doctor } = await import('./doctor.ts')
      await doctor(options)
    })
  addQueryCommand(program)
  addEstimateCommand(program)
  addUsageCommand(program)
  addCacheCommand(program)
  addAdminCommands(program, { addConnectionOptions, endWithUsageCode })
  addMcpCommand(program)
  return program
}

function addUsageCommand(program: Command): void {
  const command = program
    .command('usage')
    .description('Tell what the statements of a month have cost, with a forecast and the budgets (flightgate only).')
    .option('-m, --month <month>', 'the month, as 2026-11; by default the current one')
    .option('-p, --principal <name>', 'statements of one principal')
    .option('-g, --group <name>', 'statements of one group')
    .option('-l, --label <label>', 'statements of one label')
    .option('--json', 'print JSON for programs, as the HTTP API writes it')
  addConnectionOptions(command)
    .addHelpText(
      'after',
      '\nWithout the grant operate, you see your own statements.\n\nExamples:\n  flightgate usage\n  flightgate usage --month 2026-10 --principal nightly\n  flightgate usage --source warehouse --json',
    )
    .exitOverride(endWithUsageCode)
    .action(async (options: UsageOptions) => {
      const { usage } = await import('./usage/usage.ts')
      process.exitCode = await usage(options)
    })
}

function addCacheCommand(program: Command): void {
  const cache = program
    .command('cache')
    .description(
      'See and clear the result cache of a running flightgate; needs the grant operate if keys are configured.',
    )
    .exitOverride(endWithUsageCode)
  const stats = cache
    .command('stats')
    .description('Tell the state of the result cache of the replica that answers.')
    .option('--json', 'print JSON for programs, as the HTTP API writes it')
  addConnectionOptions(stats, 'show one source')
    .addHelpText('after', '\nExamples:\n  flightgate cache stats\n  flightgate cache stats --source warehouse --json')
    .exitOverride(endWithUsageCode)
    .action(async (options: StatsOptions) => {
      const { cacheStats } = await import('./cache/cache.ts')
      process.exitCode = await cacheStats(options)
    })
  const clear = cache
    .command('clear')
    .description('Drop the entries that match all given options, on all replicas.')
    .option('--json', 'print JSON for programs, as the HTTP API writes it')
  addConnectionOptions(addEntryOptions(clear), 'entries of one source')
    .addHelpText(
      'after',
      '\nExamples:\n  flightgate cache clear --source warehouse\n  flightgate cache clear --tag sales --principal nightly\n  flightgate cache clear --all',
    )
    .exitOverride(endWithUsageCode)
    .action(async (options: ClearOptions) => {
      demandChoice(clear, options)
      const { cacheClear } = await import('./cache/cache.ts')
      process.exitCode = await cacheClear(options)
    })
}

function addMcpCommand(program: Command): void {
  const command = program
    .command('mcp')
    .description(
      'Serve MCP on standard input and output: tools to find, estimate and read the data of a running flightgate.',
    )
    .option('--max-rows <rows>', 'rows of an answer', positive, 200)
    .option('--max-bytes <bytes>', 'bytes of the rows or names of an answer', positive, 65_536)
    .option('--max-cost <usd>', 'what one query may cost, in US dollars: above it, it is refused', dollars)
    .option('--max-bytes-billed <bytes>', 'bytes that one query may bill: above it, it is refused', wholeNumber)
  addConnectionOptions(command, 'source of all tools, in place of the default one')
    .addHelpText(
      'after',
      '\nOnly statements that read are run, with the rights and the budgets of the key.\n\nExample:\n  FLIGHTGATE_API_KEY=... flightgate mcp --endpoint grpc+tls://gateway:32010 --max-cost 0.50',
    )
    .exitOverride(endWithUsageCode)
    .action(async (options: McpOptions) => {
      const { mcp } = await import('./mcp/mcp.ts')
      mcp(options)
    })
}

function addQueryCommand(program: Command): void {
  const command = program
    .command('query')
    .description('Run a statement at any Arrow Flight endpoint.')
    .argument('<sql>', 'the statement, or - to read it from standard input')
    .addOption(
      new Option('-f, --format <format>', 'default: table on a terminal, else csv').choices([
        'table',
        'csv',
        'ndjson',
        'json',
        'arrow',
      ]),
    )
    .option('-o, --output <file>', 'write the rows to a file')
    .option('--max-rows <rows>', 'rows that a table shows', wholeNumber, 1000)
    .option('-q, --quiet', 'no progress and no summary')
  addConnectionOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n  flightgate query "SELECT * FROM nation LIMIT 5"\n  flightgate query --format arrow -o orders.arrows "SELECT * FROM orders"\n  echo "SELECT 1" | flightgate query -e grpc+tls://gateway:32010 --api-key "$KEY" -',
    )
    .exitOverride(endWithUsageCode)
    .action(async (sql: string, options: QueryOptions) => {
      const { query } = await import('./query/query.ts')
      process.exitCode = await query(sql, options)
    })
}

function addEstimateCommand(program: Command): void {
  const command = program
    .command('estimate')
    .description('Tell what a statement would read and cost, without running it (flightgate only).')
    .argument('<sql>', 'the statement, or - to read it from standard input')
    .option('-t, --table', 'the argument names a table to read, in place of a statement')
    .option('--max-cost <usd>', 'what the statement may cost, in US dollars: above it, it would be refused', dollars)
    .option('--max-bytes <bytes>', 'bytes that the statement may bill', wholeNumber)
    .option('--json', 'print JSON for programs, as the HTTP API writes it')
  addConnectionOptions(command)
    .addHelpText(
      'after',
      '\nExit code 4: the gateway would refuse the statement.\n\nExamples:\n  flightgate estimate "SELECT * FROM orders"\n  flightgate estimate --table orders\n  flightgate estimate --max-cost 0.50 --json - < report.sql',
    )
    .exitOverride(endWithUsageCode)
    .action(async (sql: string, options: EstimateOptions) => {
      const { estimate } = await import('./estimate/estimate.ts')
      process.exitCode = await estimate(sql, options)
    })
}

/** Adds the options of commands that call a server. */
function addConnectionOptions(
  command: Command,
  ofSource = 'source that runs the statement (flightgate only)',
): Command {
  return command
    .addOption(
      new Option('-e, --endpoint <uri>', 'grpc://host:port or grpc+tls://host:port')
        .default('grpc://127.0.0.1:32010')
        .env('FLIGHTGATE_ENDPOINT')
        .argParser(endpointOf),
    )
    .option('-u, --user <name>', 'user name for Basic authentication')
    .addOption(new Option('--password <password>', 'password for Basic authentication').env('FLIGHTGATE_PASSWORD'))
    .addOption(new Option('--token <token>', 'bearer token').env('FLIGHTGATE_TOKEN'))
    .addOption(new Option('--api-key <key>', 'API key').env('FLIGHTGATE_API_KEY'))
    .option('-s, --source <name>', ofSource)
    .option('-H, --header <name=value>', 'metadata to send; may be given several times', collect, [])
    .option('--timeout <seconds>', 'deadline of the whole command', seconds)
    .option('--tls-ca <file>', 'PEM file with the certificate authority to trust')
    .option('--insecure-skip-verify', 'do not check the certificate of the server')
    .hook('preAction', refuseUnsendable)
}

/** Refuses values that metadata cannot carry, such as a line end from a file of a secret, without showing them. */
function refuseUnsendable(command: Command): void {
  const { apiKey, token, header = [] } = command.opts<{ apiKey?: string; token?: string; header?: string[] }>()
  const values = [
    ['--api-key (or FLIGHTGATE_API_KEY)', apiKey],
    ['--token (or FLIGHTGATE_TOKEN)', token],
    ...header.map((each) => [`--header ${each.slice(0, each.indexOf('='))}`, each.slice(each.indexOf('=') + 1)]),
  ] as const
  const [bad] = values.find(([, value]) => value !== undefined && !/^[\x20-\x7e]*$/.test(value)) ?? []
  if (bad !== undefined)
    command.error(`error: the value of ${bad} has a line end or another character that a header cannot carry`)
}

function endWithUsageCode(error: CommanderError): never {
  process.exit(error.exitCode === 0 ? ExitCode.ok : ExitCode.usage)
}

function endpointOf(value: string): string {
  // The gRPC library has further forms, such as unix:path and dns:///host.
  if (/^(?!dns:|unix:)[^/]+:\/\//.test(value) && !parseAddress(value))
    throw new InvalidArgumentError('The scheme must be grpc:// or grpc+tls://, as in grpc://host:port.')
  return value
}

function collect(value: string, before: string[]): string[] {
  if (!value.includes('=')) throw new InvalidArgumentError('Write it as name=value.')
  return [...before, value]
}

function seconds(value: string): number {
  const match = /^(\d+(?:\.\d+)?)s?$/.exec(value)
  if (!match) throw new InvalidArgumentError('Write it in seconds, such as 30 or 30s.')
  return Number(match[1])
}

function dollars(value: string): number {
  if (!/^\d+(\.\d+)?$/.test(value)) throw new InvalidArgumentError('Write an amount of US dollars, such as 0.50.')
  return Number(value)
}

function positive(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('Write a whole number, 1 or more.')
  return Number(value)
}

function wholeNumber(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('Write a whole number.')
  return Number(value)
}
