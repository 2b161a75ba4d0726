import { request } from 'node:http'
import type { GatewayProcess } from './gateway-process.ts'

/** What a JSON answer holds. */
// biome-ignore lint/suspicious/noExplicitAny: tests look at what comes.
export type Json = any

/** The body of a JSON answer. */
export async function jsonOf(response: Response | Promise<Response>): Promise<Json> {
  return await (await response).json()
}

/** The statements that wait or run. */
export async function runningQueries(gateway: GatewayProcess): Promise<Json[]> {
  return (await jsonOf(fetch(`http://${gateway.http}/api/v1/queries`))).queries
}

/** Posts a body as JSON. */
export async function postJson(
  gateway: GatewayProcess,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return await fetch(`http://${gateway.http}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

/**
 * Posts a body as JSON and closes the connection, whatever has been answered until then.
 * @param after a time in milliseconds, or what to wait for
 */
export async function abandon(
  gateway: GatewayProcess,
  path: string,
  body: unknown,
  after: number | (() => Promise<unknown>),
): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const call = request(`http://${gateway.http}${path}`, { method: 'POST', headers, agent: false })
  call.on('error', () => {})
  call.end(JSON.stringify(body))
  if (typeof after === 'number') await new Promise((resolve) => setTimeout(resolve, after))
  else await after()
  call.destroy()
}

/** The lines of an NDJSON answer. */
export async function linesOf(response: Response): Promise<Json[]> {
  const text = await response.text()
  if (!text.endsWith('\n')) throw new Error(`the last line is cut: ${text.slice(-100)}`)
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** A server-sent event; the data is JSON. */
export interface ReceivedEvent {
  readonly event: string
  readonly id: string
  readonly data: Json
}

/** Parses server-sent events strictly; comments are left out. */
export function eventsOf(text: string): ReceivedEvent[] {
  if (!text.endsWith('\n\n')) throw new Error(`the last event is cut: ${text.slice(-100)}`)
  return text
    .slice(0, -2)
    .split('\n\n')
    .filter((block) => !block.startsWith(':'))
    .map((block) => {
      const match = /^event: (\w+)\nid: (\S+)\ndata: (.*)$/.exec(block)
      if (!match) throw new Error(`no event: ${block.slice(0, 200)}`)
      return { event: match[1]!, id: match[2]!, data: JSON.parse(match[3]!) }
    })
}
