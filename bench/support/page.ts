import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pageFile = join(root, 'docs', 'benchmarks.md')
const resultsFolder = join(root, 'bench', 'results')

type Value = string | number
/** The results of a benchmark: for each case, medians by participant and ratios by name. */
interface Case {
  readonly rounds: number
  readonly medians: Readonly<Record<string, Readonly<Record<string, Value>>>>
  readonly ratios: Readonly<Record<string, number>>
}
type Results = { readonly machine: Readonly<Record<string, Value>> } & Readonly<Record<string, Case>>

/** The tables of one benchmark in Markdown. */
function tablesOf({ machine, ...cases }: Results): string {
  const sections = Object.entries(cases).map(([name, { rounds, medians, ratios }]) => {
    const columns = [...new Set(Object.values(medians).flatMap((row) => Object.keys(row)))]
    const rows = Object.entries(medians).map(([who, row]) => [who, ...columns.map((column) => show(row[column]))])
    const ratioRows = Object.entries(ratios).map(([what, ratio]) => [what, ratio.toFixed(2)])
    return [
      `**${name}**, ${rounds === 1 ? 'one round' : `medians of ${rounds} rounds`}`,
      table(['', ...columns.map(inWords)], rows),
      ...(ratioRows.length > 0 ? [table(['ratio', ''], ratioRows)] : []),
    ].join('\n\n')
  })
  const where = Object.entries(machine).map(([what, value]) => `${inWords(what)} ${value}`)
  return [...sections, `Measured on: ${where.join(', ')}.`].join('\n\n')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), `|${head.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`, ...rows.map(line)].join('\n')
}

function show(value: Value | undefined): string {
  return value === undefined ? '' : typeof value === 'number' ? value.toLocaleString('en-US') : value
}

/** `serverCpuSecondsPerGiB` as `server CPU seconds per GiB`. */
function inWords(name: string): string {
  const words = name.replace(/GiB|[A-Z]/g, (part) => (part === 'GiB' ? ' GiB' : ` ${part.toLowerCase()}`))
  return words.replace(/\b(cpu|rss)\b/g, (word) => word.toUpperCase())
}

/** docs/benchmarks.md with the tables of bench/results/ between its marks. */
export function renderPage(): string {
  return readdirSync(resultsFolder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.replace('.json', ''))
    .reduce((page, name) => {
      const [from, to] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
      if (!page.includes(from) || !page.includes(to)) throw new Error(`docs/benchmarks.md has no place for ${name}`)
      const results: Results = JSON.parse(readFileSync(join(resultsFolder, `${name}.json`), 'utf8'))
      const before = page.slice(0, page.indexOf(from) + from.length)
      return `${before}\n\n${tablesOf(results)}\n\n${page.slice(page.indexOf(to))}`
    }, readPage())
}

/** The current docs/benchmarks.md. */
export function readPage(): string {
  return readFileSync(pageFile, 'utf8')
}

/** Writes the results into docs/benchmarks.md. */
export function updatePage(): void {
  writeFileSync(pageFile, renderPage())
}

if (import.meta.main) updatePage()
