import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'

const agent = new Agent({ keepAlive: true })

/** Posts JSON on a kept connection; returns the answer as soon as its headers are there. @throws Error when it is no 200 */
export async function post(
  address: string,
  path: string,
  body: object,
  headers: object = {},
): Promise<IncomingMessage> {
  const outgoing = request(`http://${address}${path}`, {
    method: 'POST',
    agent,
    headers: { 'content-type': 'application/json', ...headers },
  })
  outgoing.end(JSON.stringify(body))
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode} ${await textOf(answer)}`)
  return answer
}

/** Reads an answer to its end. @throws Error when the connection is cut */
export async function textOf(answer: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk
  return text
}

/** Reads an answer to its end without keeping it; returns its bytes. @throws Error when the connection is cut */
export async function drain(answer: IncomingMessage, onBytes?: (bytes: number) => void): Promise<number> {
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length
    onBytes?.(bytes)
  }
  return bytes
}
