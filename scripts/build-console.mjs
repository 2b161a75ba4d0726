// Bundles the web console. `npm run build` puts it into dist/console for the package; `npm start` and the tests put it into
// build/console, where a checkout looks for it. `node scripts/build-console.mjs` does the latter alone.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { root } from './install.mjs'

const sources = join(root, 'src', 'console')

/** Where a checkout has the console. */
export const checkoutConsole = join(root, 'build', 'console')

/** Builds the console of a checkout, unless it is there for the same sources. */
export async function buildCheckoutConsole() {
  const stampFile = join(checkoutConsole, '.stamp')
  const stamp = stampOfSources()
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return
  await buildConsole(checkoutConsole)
  writeFileSync(stampFile, stamp)
}

/**
 * Bundles the console into a folder: assets whose names hold a hash of their content, and index.html, which names them. The page
 * comes last, so that a gateway that starts meanwhile finds all that it names.
 */
export async function buildConsole(folder) {
  // Loaded here: this file is imported before the packages are installed.
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    entryPoints: [join(sources, 'main.tsx'), join(sources, 'style.css')],
    outdir: folder,
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: ['chrome123', 'firefox121', 'safari17.5'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { 'process.env.NODE_ENV': '"production"' },
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'warning',
  })
  mkdirSync(folder, { recursive: true })
  for (const { path, contents } of outputFiles) writeFileSync(path, contents)
  const names = outputFiles.map(({ path }) => basename(path))
  const nameOf = (ending) => names.find((name) => name.endsWith(ending))
  const page = readFileSync(join(sources, 'index.html'), 'utf8')
    .replace('main.tsx', `assets/${nameOf('.js')}`)
    .replace('style.css', `assets/${nameOf('.css')}`)
  const partial = join(folder, `.index-${process.pid}.html`)
  writeFileSync(partial, page)
  renameSync(partial, join(folder, 'index.html'))
  for (const name of readdirSync(folder))
    if (/-[A-Z0-9]{8}\.(js|css)$/.test(name) && !names.includes(name)) rmSync(join(folder, name), { force: true })
  const gzipBytes = outputFiles.map(({ contents }) => gzipSync(contents).length).reduce((sum, bytes) => sum + bytes, 0)
  process.stderr.write(`console: ${names.join(', ')}; ${(gzipBytes / 1024).toFixed(1)} KiB with gzip\n`)
}

/** A hash of all that the bundle is made of. */
function stampOfSources() {
  const hash = createHash('sha256')
  const files = readdirSync(sources, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort()
  for (const file of [...files, fileURLToPath(import.meta.url), join(root, 'package-lock.json')])
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildCheckoutConsole()
