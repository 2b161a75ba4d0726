#!/usr/bin/env node
import { isNodeRecent } from './ops/is-node-recent.ts'

// Loaded one after another: an old Node.js would fail at the first module that asks it for what it lacks.
if (isNodeRecent()) {
  await import('./ops/v8-flags.ts')
  const { buildProgram } = await import('./cli/program.ts')
  await buildProgram().parseAsync(process.argv)
} else process.exitCode = 1
