import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A page's text without code, which contains neither links nor headings. @param page path from the root */
export function proseOf(page: string): string {
  const text = readFileSync(join(root, page), 'utf8')
  return text.replace(/^(```|~~~).*?^\1/gms, '').replace(/`[^`\n]+`/g, (code) => code.replace(/[[\]()]/g, ''))
}

/**
 * The anchors of a page's headings, as the hosting makes them.
 * Source: https://docs.github.com/en/get-started/writing-on-github (section links).
 */
export function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading] of proseOf(page).matchAll(/^#{1,6} +(.+)$/gm)) {
    const text = heading!.replace(/\]\([^)]*\)/g, '').toLowerCase()
    const slug = text.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-')
    let anchor = slug
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`
    anchors.add(anchor)
  }
  return anchors
}
