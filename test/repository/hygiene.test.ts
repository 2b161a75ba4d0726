import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const files = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)))

describe('tracked files', () => {
  it('contain no machine paths and no package registry addresses', () => {
    const banned = [
      new RegExp(['', 'work', ''].join('/')),
      new RegExp(['', 'root', ''].join('/')),
      /registry\.(npmjs|yarnpkg)\.\w+|files\.pythonhosted|proxy\.golang|repo1?\.maven/,
    ].filter(Boolean)
    const found = files
      .filter((file) => file !== 'test/repository/hygiene.test.ts')
      .filter((file) => banned.some((pattern) => pattern.test(readFileSync(join(root, file), 'utf8'))))
    expect(found).toEqual([])
  })

  it('contain no TODO or FIXME, and no focused tests', () => {
    const found = files
      .filter((file) => /^(src|test|bench|scripts)\/.*\.ts$/.test(file) && file !== 'test/repository/hygiene.test.ts')
      .filter((file) =>
        /\bTODO\b|\bFIXME\b|@ts-(ignore|expect-error|nocheck)|\.(only|todo)\(/.test(
          readFileSync(join(root, file), 'utf8'),
        ),
      )
    expect(found).toEqual([])
  })
})
