import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LineFile } from '../../../src/ops/audit/line-file.ts'

let folder = ''
let path = ''
const events: string[] = []
const observer = {
  onFailure: ({ message }: Error) => void events.push(`failure ${message.split(':')[0]}`),
  onRecovery: (lost: number) => void events.push(`recovery ${lost}`),
  onLost: (count: number) => void events.push(`lost ${count}`),
}
const openFile = (maxPendingBytes = 1 << 20) => LineFile.open({ path, maxPendingBytes, observer })
const linesOf = (file = path) => readFileSync(file, 'utf8').split('\n').slice(0, -1)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flightgate-lines-'))
  path = join(folder, 'audit.jsonl')
  events.length = 0
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a file of lines', () => {
  it('is created for its owner and group only, and gets the lines in their order', async () => {
    const file = await openFile()
    for (let i = 0; i < 1000; i++) file.write(`line ${i}`)
    await file.close()
    expect(linesOf()).toEqual(Array.from({ length: 1000 }, (_, i) => `line ${i}`))
    expect(statSync(path).mode & 0o007).toBe(0)
    expect(events).toEqual([])
  })

  it('goes on in a new file when it is renamed: at once when told, soon without', async () => {
    const file = await openFile()
    file.write('one')
    await expect.poll(() => linesOf()).toEqual(['one'])
    renameSync(path, `${path}.1`)
    file.reopen()
    file.write('two')
    await expect.poll(() => statSync(path, { throwIfNoEntry: false }) && linesOf()).toEqual(['two'])
    renameSync(path, `${path}.2`)
    await new Promise((resolve) => setTimeout(resolve, 300))
    file.write('three')
    await expect.poll(() => statSync(path, { throwIfNoEntry: false }) && linesOf()).toEqual(['three'])
    unlinkSync(path)
    await new Promise((resolve) => setTimeout(resolve, 300))
    file.write('four')
    await file.close()
    expect([linesOf(`${path}.1`), linesOf(`${path}.2`), linesOf()]).toEqual([['one'], ['two'], ['four']])
  })

  it('goes on at the start when it is copied and truncated', async () => {
    const file = await openFile()
    file.write('one')
    await expect.poll(() => linesOf()).toEqual(['one'])
    truncateSync(path)
    file.write('two')
    await file.close()
    expect(readFileSync(path, 'utf8')).toBe('two\n')
  })

  it('keeps lines while the disk is full, loses those above the bound and counts them, and recovers', async () => {
    symlinkSync('/dev/full', path)
    const file = await openFile(40)
    for (let i = 0; i < 10; i++) file.write(`line ${i}`)
    expect(file.failure?.message).toBe('too many lines wait to be written')
    await expect.poll(() => events).toEqual([...Array(5).fill('lost 1'), 'failure ENOSPC'])
    unlinkSync(path)
    await expect.poll(() => file.failure).toBeUndefined()
    expect(events.at(-1)).toBe('recovery 5')
    expect(linesOf()).toEqual(['line 0', 'line 1', 'line 2', 'line 3', 'line 4'])
    await file.close()
  })

  it('cannot be opened in a folder that is not there', async () => {
    path = join(folder, 'none', 'audit.jsonl')
    await expect(openFile()).rejects.toThrow(/ENOENT/)
  })

  it('gets whole lines of several processes, also of long ones', async () => {
    const code = `
      import { LineFile } from ${JSON.stringify(new URL('../../../src/ops/audit/line-file.ts', import.meta.url).href)}
      const observer = { onFailure() {}, onRecovery() {}, onLost() {} }
      const file = await LineFile.open({ path: process.argv[1], maxPendingBytes: 1 << 26, observer })
      for (let i = 0; i < 300; i++) {
        file.write(process.argv[2].repeat(i % 10 === 0 ? 30000 : 100))
        if (i % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
      }
      await file.close()`
    const writers = ['a', 'b', 'c'].map((letter) =>
      spawn(process.execPath, ['--input-type=module', '-e', code, path, letter], { stdio: 'inherit' }),
    )
    await Promise.all(writers.map((writer) => once(writer, 'exit')))
    const lines = linesOf()
    expect(lines.length).toBe(900)
    for (const line of lines) expect(/^(a+|b+|c+)$/.test(line) && [100, 30_000].includes(line.length)).toBe(true)
  })
})
