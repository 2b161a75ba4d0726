import type { Command } from 'commander'
import { ExitCode } from '../exit-code.ts'

/** Which entries of the cache a command clears. */
export interface EntryChoice {
  readonly source?: string
  readonly tag?: string
  readonly key?: string
  readonly principal?: string
  readonly all?: boolean
}

/** Adds the options that choose entries of the cache, besides the source. */
export function addEntryOptions(command: Command): Command {
  return command
    .option('-t, --tag <tag>', 'entries with a tag')
    .option('-k, --key <key>', 'entries that clients gave this name')
    .option('-p, --principal <name>', 'entries of the statements of one principal')
    .option('--all', 'all entries; not with the options that choose')
}

/** Ends the command with an error unless its options choose entries, or ask for all: nothing chosen by mistake clears everything. */
export function demandChoice(command: Command, { source, tag, key, principal, all }: EntryChoice): void {
  const isChosen = [source, tag, key, principal].some((each) => each !== undefined)
  if (isChosen === (all === true))
    command.error('error: choose entries by --source, --tag, --key or --principal, or give --all', {
      exitCode: ExitCode.usage,
    })
}
