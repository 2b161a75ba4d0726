import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const source = execFileSync('git', ['ls-files', 'src/*.ts'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '')
  .map((file) => readFileSync(join(root, file), 'utf8'))
  .join('\n')

/** Messages of the page that clients, proxies and engines write, not the gateway. */
const ofOthers = [
  'failed to connect to all addresses',
  'Connection refused',
  'UNAVAILABLE: io exception',
  'Socket closed',
  'Connection reset',
  'first record does not look like a TLS handshake',
  'certificate verify failed',
  'unable to find valid certification path',
  'x509: certificate signed by unknown authority',
  'hostname mismatch',
  'x509: certificate is valid for',
  'Received http2 header with status: 404',
  'unexpected HTTP status code',
  'missing content-type',
  'Table with name ... does not exist',
  'trying to send message larger than max',
  'Received message larger than max',
]

/** The messages in the first column of the page's tables; a code in one word is none. */
const messages = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .flatMap((line) => [...line.split('|')[1]!.matchAll(/`([^`]+)`/g)].map(([, message]) => message!))
  .filter((message) => message.includes(' '))

describe('troubleshooting', () => {
  it('page quotes messages of others that are still on it', () => {
    expect(ofOthers.filter((message) => !messages.includes(message))).toEqual([])
  })

  it.each(messages.filter((message) => !ofOthers.includes(message)))('gateway writes "%s"', (message) => {
    // A value in the message is `...` or X on the page, or stands in brackets at its end.
    const parts = message
      .replace(/ \([A-Z]+\)$/, '')
      .split(/ ?\.\.\. ?| X /)
      .filter((part) => part !== '')
    expect(parts.filter((part) => !source.includes(part))).toEqual([])
  })
})
