import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

function findChromium(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Whether the system has a Chromium; prints a note if not, and fails in CI. */
export function hasChromium(): boolean {
  if (findChromium() !== undefined) return true
  if (process.env['CI'] === 'true') throw new Error('Chromium is missing: install the package chromium')
  process.stderr.write('skipped: Chromium is missing (install the package chromium)\n')
  return false
}

/** Starts the system's Chromium without a window. */
export async function startChromium(): Promise<Browser> {
  // Chromium's sandbox does not run as root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return await chromium.launch({ executablePath: findChromium()!, args })
}
