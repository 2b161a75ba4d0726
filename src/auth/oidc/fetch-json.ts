/**
 * Fetches a JSON object; follows no redirect.
 * @throws Error after `timeoutMs`, above `maxBytes`, with a status other than 200, or if the answer is no JSON object
 */
export async function fetchJson(url: string, timeoutMs: number, maxBytes: number): Promise<object> {
  const signal = AbortSignal.timeout(timeoutMs)
  const answer = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } })
  if (answer.status !== 200) {
    await answer.body?.cancel()
    throw new Error(`${url} answered with status ${answer.status}`)
  }
  const parts: Uint8Array[] = []
  let byteLength = 0
  for await (const part of answer.body ?? []) {
    byteLength += part.byteLength
    if (byteLength > maxBytes) throw new Error(`the answer of ${url} is larger than ${maxBytes} bytes`)
    parts.push(part)
  }
  const value: unknown = JSON.parse(Buffer.concat(parts).toString())
  if (typeof value !== 'object' || value === null) throw new Error(`the answer of ${url} is no JSON object`)
  return value
}
