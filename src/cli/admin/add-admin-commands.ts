import { Argument, type Command, type CommanderError } from 'commander'
import type { ClearOptions } from '../cache/cache.ts'
import { addEntryOptions, demandChoice } from '../cache/clear-options.ts'
import type { AdminOptions, breakerModes, QueriesOptions, ReloadOptions } from './admin.ts'

const modes: typeof breakerModes = ['automatic', 'open', 'closed']

/** What the commands of the program share. */
export interface CommandParts {
  addConnectionOptions(command: Command, ofSource?: string): Command
  endWithUsageCode(error: CommanderError): never
}

/** Adds the commands of operators. */
export function addAdminCommands(program: Command, { addConnectionOptions, endWithUsageCode }: CommandParts): void {
  const admin = program
    .command('admin')
    .description(
      'Administer a running flightgate; needs the role operator if keys are configured. Each action is audited.',
    )
    .exitOverride(endWithUsageCode)
  const add = (name: string, description: string, ofSource = 'has no effect here') => {
    const command = admin
      .command(name)
      .description(description)
      .option('-r, --reason <text>', 'why, for the audit log')
      .option('--json', 'print JSON for programs')
    return addConnectionOptions(command, ofSource).exitOverride(endWithUsageCode)
  }
  add('queries', 'List the statements of all principals, on all replicas.', 'statements of one source')
    .option('-p, --principal <name>', 'statements of one principal')
    .action(async (options: QueriesOptions) => {
      process.exitCode = await (await import('./admin.ts')).listQueries(options)
    })
  add('kill', 'End a statement, on whichever replica it runs.')
    .argument('<id>', 'id of the statement, as `queries` tells it')
    .action(async (id: string, options: AdminOptions) => {
      process.exitCode = await (await import('./admin.ts')).killQuery(id, options)
    })
  add('drain', 'Close a source to new statements, in all processes; those that run go on.')
    .argument('<source>', 'name of the source')
    .action(async (name: string, options: AdminOptions) => {
      process.exitCode = await (await import('./admin.ts')).drainSource(name, true, options)
    })
  add('undrain', 'Open a drained source again.')
    .argument('<source>', 'name of the source')
    .action(async (name: string, options: AdminOptions) => {
      process.exitCode = await (await import('./admin.ts')).drainSource(name, false, options)
    })
  add('breaker', 'Hold the circuit breakers of a source open or closed, or leave them to the outcome of calls.')
    .argument('<source>', 'name of the source')
    .addArgument(new Argument('<mode>', 'who decides from now on').choices(modes))
    .option('--address <address>', 'one of its servers; by default all')
    .action(async (name: string, mode: (typeof modes)[number], options: AdminOptions & { address?: string }) => {
      process.exitCode = await (await import('./admin.ts')).setBreaker(name, mode, options)
    })
  const clear = addEntryOptions(
    add('cache-clear', 'Drop the entries that match all given options, on all replicas.', 'entries of one source'),
  ).action(async (options: ClearOptions) => {
    demandChoice(clear, options)
    process.exitCode = await (await import('../cache/cache.ts')).cacheClear(options)
  })
  add('reload', 'Read the configuration of the replica that answers again, and apply what can change while it serves.')
    .option('--dry-run', 'tell what that would change in the running gateway, and change nothing')
    .addHelpText(
      'after',
      '\nWith --dry-run, exit code 0: nothing would change; 5: a reload applies all; 6: some need a restart; 1: the file has problems.',
    )
    .action(async (options: ReloadOptions) => {
      process.exitCode = await (await import('./admin.ts')).reloadConfig(options)
    })
  add(
    'rotate-keys',
    'Seal tickets, tokens and handles with a new key; only for keys that the gateway has made itself.',
  ).action(async (options: AdminOptions) => {
    process.exitCode = await (await import('./admin.ts')).rotateKeys(options)
  })
}
