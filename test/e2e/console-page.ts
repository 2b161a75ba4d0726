import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { GatewayProcess } from './gateway-process.ts'

/** A page of the console, and what a good page never does. */
export interface ConsolePage {
  readonly page: Page
  /** Errors of scripts, violations of the content security policy, and requests to other addresses than the gateway's. */
  readonly complaints: readonly string[]
}

/** Opens the console in a window of its own. @param key logs in with it */
export async function openConsole(
  browser: Browser,
  gateway: GatewayProcess,
  { key, ...options }: BrowserContextOptions & { readonly key?: string } = {},
): Promise<ConsolePage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    const url = request.url()
    if (!/^(data|blob):/.test(url) && !url.startsWith(`http://${gateway.http}/`)) complaints.push(`asked ${url}`)
  })
  page.on('console', (message) => {
    // Chromium reports each answer that is an error.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text())
  })
  await page.addInitScript(`addEventListener('securitypolicyviolation', (event) =>
    console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI))`)
  await page.goto(`http://${gateway.http}/console`)
  if (key !== undefined) {
    await page.getByLabel('API key').fill(key)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Statements' }).waitFor()
  }
  return { page, complaints }
}
