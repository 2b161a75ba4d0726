import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Builds the console before the first test, as `npm start` does: vitest may have been called by itself. */
export function setup(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL('../../scripts/build-console.mjs', import.meta.url))], {
    stdio: 'inherit',
  })
}
