#!/usr/bin/env node
import './ops/heap-flags.ts'
import { buildProgram } from './cli/program.ts'

await buildProgram().parseAsync(process.argv)
