import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
}

/** A file of the console, held in memory. */
export class ConsoleFile {
  readonly name: string
  readonly type: string
  readonly content: Buffer
  /** Validator of the content, for `if-none-match`. */
  readonly etag: string
  #gzipped: Promise<Buffer> | undefined

  constructor(name: string, content: Buffer) {
    this.name = name
    this.type = types[extname(name)]!
    this.content = content
    this.etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
  }

  /** The content, compressed once. */
  gzipped(): Promise<Buffer> {
    this.#gzipped ??= promisify(gzip)(this.content)
    return this.#gzipped
  }
}

/** The files of the console. */
export interface ConsoleFiles {
  readonly page: ConsoleFile
  /** Files that the page names, and those that they load. Their names hold a hash of their content. */
  readonly assets: readonly ConsoleFile[]
}

/** Where the build has put the console: beside the compiled sources, or in `build/` of a checkout. */
const defaultFolder = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../../../build/console/' : '../../../../console/', import.meta.url),
)

/**
 * Reads the files of the console.
 * @returns undefined if the console has not been built
 */
export function readConsoleFiles(folder = defaultFolder): ConsoleFiles | undefined {
  try {
    const page = new ConsoleFile('index.html', readFileSync(join(folder, 'index.html')))
    const names = readdirSync(folder).filter((name) => /^[\w-]+-[A-Z0-9]{8}\.(js|css)$/.test(name))
    return { page, assets: names.map((name) => new ConsoleFile(name, readFileSync(join(folder, name)))) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
