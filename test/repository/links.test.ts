import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { anchorsOf, proseOf } from './anchors.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pages = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((page) => page !== '' && existsSync(join(root, page)))

/** A link to a page or file of this repository. */
interface Link {
  /** The link as written in the page. */
  readonly written: string
  /** The path from the root of the repository. */
  readonly target: string
  /** The part after `#`, or nothing. */
  readonly anchor: string
}

function linksOf(page: string): Link[] {
  return [...proseOf(page).matchAll(/\]\((?![a-z]+:)([^)\s]+)\)/g)].map(([, written]) => {
    const [path = '', anchor = ''] = written!.split('#')
    return { written: written!, target: path === '' ? page : join(page, '..', path), anchor }
  })
}

/** Files that a page names in code, such as `src/main.ts`; a placeholder in `<...>` is none. */
function namedFilesOf(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8').replace(/^(```|~~~).*?^\1/gms, '')
  return [...text.matchAll(/`((?:[\w.-]+\/)+[\w-][\w.-]*\.(?:ts|mjs|py|java|proto))`/g)].map(([, file]) => file!)
}

/** The reason why a link is broken; undefined if it is valid. */
function faultOf({ target, anchor }: Link): string | undefined {
  if (!existsSync(join(root, target))) return 'no such file'
  return anchor === '' || anchorsOf(target).has(anchor) ? undefined : 'no such heading'
}

describe('every page', () => {
  it.each(pages)('%s links only to existing files and headings', (page) => {
    const broken = linksOf(page).flatMap((link) => {
      const fault = faultOf(link)
      return fault ? [`${page} -> ${link.written}: ${fault}`] : []
    })
    expect(broken).toEqual([])
  })
})

describe('every page except the changelog, which describes the past,', () => {
  it.each(pages.filter((page) => page !== 'CHANGELOG.md'))(
    '%s names only existing files, relative to the root, src or test',
    (page) => {
      const missing = namedFilesOf(page).filter((file) =>
        ['', 'src', 'test'].every((folder) => !existsSync(join(root, folder, file))),
      )
      expect(missing.map((file) => `${page} names ${file}: no such file`)).toEqual([])
    },
  )
})

describe('the list "Which page do I need" of README.md', () => {
  const list = /^## Which page do I need$(.*?)(?=^## |$(?![\s\S]))/ms.exec(proseOf('README.md'))?.[1] ?? ''
  const listed = new Set([...list.matchAll(/\]\(([^)#]+)/g)].map(([, target]) => target!))

  it('names every page of docs/', () => {
    expect(pages.filter((page) => /^docs\/[^/]+$/.test(page) && !listed.has(page))).toEqual([])
  })

  it('leads to every page below docs/, through the pages that it names', () => {
    const reached = new Set<string>()
    const follow = (page: string) => {
      if (reached.has(page) || !pages.includes(page)) return
      reached.add(page)
      for (const { target } of linksOf(page)) follow(target)
    }
    for (const page of listed) follow(page)
    expect(pages.filter((page) => page.startsWith('docs/') && !reached.has(page))).toEqual([])
  })
})
