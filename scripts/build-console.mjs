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
  const { outputFiles, metafile } = await build({
    entryPoints: [join(sources, 'main.tsx'), join(sources, 'style.css')],
    outdir: folder,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    splitting: true,
    metafile: true,
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
  const nameOf = (entry) => {
    const [path] = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint?.endsWith(`/${entry}`))
    return basename(path)
  }
  const page = readFileSync(join(sources, 'index.html'), 'utf8')
    .replace('main.tsx', `assets/${nameOf('main.tsx')}`)
    .replace('style.css', `assets/${nameOf('style.css')}`)
  const partial = join(folder, `.index-${process.pid}.html`)
  writeFileSync(partial, page)
  renameSync(partial, join(folder, 'index.html'))
  for (const name of readdirSync(folder))
    if (/-[A-Z0-9]{8}\.(js|css)$/.test(name) && !names.includes(name)) rmSync(join(folder, name), { force: true })
  const sizes = outputFiles.map(({ path, contents }) => ({ name: basename(path), bytes: gzipSync(contents).length }))
  const kibibytes = (list) => (list.reduce((sum, { bytes }) => sum + bytes, 0) / 1024).toFixed(1)
  const isFirst = namesLoadedWith(metafile, [nameOf('main.tsx'), nameOf('style.css')])
  const first = sizes.filter(({ name }) => isFirst.has(name))
  process.stderr.write(
    `console: ${kibibytes(first)} KiB with gzip for the first page, ${kibibytes(sizes)} KiB in all\n`,
  )
}

/** Names of the files that load with the entries: without those that a view asks for. */
function namesLoadedWith({ outputs }, entries) {
  const byName = new Map(Object.entries(outputs).map(([path, output]) => [basename(path), output]))
  const loaded = new Set(entries)
  for (const name of loaded)
    for (const { path, kind } of byName.get(name).imports) if (kind === 'import-statement') loaded.add(basename(path))
  return loaded
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
