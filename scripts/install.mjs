// Installs missing tools, and stores a stamp of each installation's inputs. Plain JavaScript without
// dependencies: it runs before anything is installed, on any Node of the machine.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
export const cache = join(root, '.cache')
const strict = process.env.CI === 'true'

/** Runs a command to its end; its output goes to standard error. */
function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options })
  if (error || status !== 0) throw new Error(`${command} ${args.join(' ')} failed (${error?.code ?? status})`)
}

/** Runs `install` unless the stamp shows that it ran for the same content. */
function once(stampFile, content, present, install) {
  const stamp = createHash('sha256').update(content).digest('hex')
  if (present && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return
  const startedAt = Date.now()
  install()
  mkdirSync(cache, { recursive: true })
  writeFileSync(stampFile, stamp)
  process.stderr.write(`  done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`)
}

/** node_modules as in package-lock.json, including the Node that runs the sources. */
export function installPackages() {
  const lock = readFileSync(join(root, 'package-lock.json'))
  const modules = join(root, 'node_modules')
  once(join(modules, '.flightgate-stamp'), lock, existsSync(modules), () => {
    process.stderr.write('installing npm packages\n')
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  })
}

/** Environment in which `node` is the one of node_modules. */
export function environment() {
  const bin = join(root, 'node_modules', '.bin')
  return {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`,
    NODE_COMPILE_CACHE: join(cache, 'compile'),
  }
}

export const nodeBinary = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node')

/** Runs an optional installation: a failure is fatal in CI, and otherwise only printed. */
function optional(name, install) {
  try {
    install()
    return true
  } catch (error) {
    if (strict) throw error
    process.stderr.write(`${name} is not available, tests that need it will be skipped: ${error.message}\n`)
    return false
  }
}

/** The Python environment of the tests, in .cache/python. */
export function installPython() {
  const folder = join(cache, 'python')
  const requirements = join(root, 'test', 'python', 'requirements.txt')
  return optional('Python', () =>
    once(join(cache, 'python.stamp'), readFileSync(requirements), existsSync(folder), () => {
      process.stderr.write('installing the Python environment of the tests\n')
      rmSync(folder, { recursive: true, force: true })
      run('python3', ['-m', 'venv', folder])
      run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', '-r', requirements])
    }),
  )
}

const localBigQuery = {
  server: ['local-bigquery==0.4.0'],
  // Its DuckDB, with the extensions that it would load from the internet; these wheels carry DuckDB's own signed files.
  duckdb: [
    'duckdb',
    'duckdb-extension-icu',
    'duckdb-extension-ducklake',
    'duckdb-extension-json',
    'duckdb-extension-spatial',
  ],
  duckdbVersion: '1.5.5',
}

/**
 * The emulator local-bigquery, in .cache/local-bigquery: a second server for the tests of BigQuery, by others.
 * It takes 600 MB and Python 3.13, so it is installed only where FLIGHTGATE_LOCAL_BIGQUERY asks for it.
 */
export function installLocalBigQuery() {
  const folder = join(cache, 'local-bigquery')
  if (!process.env.FLIGHTGATE_LOCAL_BIGQUERY) {
    process.stderr.write('local-bigquery is not asked for (FLIGHTGATE_LOCAL_BIGQUERY=1): its test is left out\n')
    return false
  }
  return optional('local-bigquery', () =>
    once(join(cache, 'local-bigquery.stamp'), JSON.stringify(localBigQuery), existsSync(folder), () => {
      process.stderr.write('installing local-bigquery\n')
      rmSync(folder, { recursive: true, force: true })
      run(process.env.PYTHON_3_13 ?? 'python3.13', ['-m', 'venv', folder])
      const pip = [join(folder, 'bin', 'pip'), 'install', '--quiet', '--disable-pip-version-check']
      const { server, duckdb, duckdbVersion } = localBigQuery
      run(pip[0], [...pip.slice(1), ...server])
      run(pip[0], [...pip.slice(1), '--no-deps', ...duckdb.map((name) => `${name}==${duckdbVersion}`)])
      const platform = `linux_${process.arch === 'arm64' ? 'arm64' : 'amd64'}`
      const extensions = join(folder, 'home', '.duckdb', 'extensions', `v${duckdbVersion}`, platform)
      mkdirSync(extensions, { recursive: true })
      const found = readdirSync(join(folder, 'lib'), { recursive: true, withFileTypes: true })
      for (const { name, parentPath } of found.filter(({ name }) => name.endsWith('.duckdb_extension')))
        copyFileSync(join(parentPath, name), join(extensions, name))
    }),
  )
}

const flightIntegration = 'github.com/apache/arrow-go/v18/arrow/internal/flight_integration/cmd'

const goTools = {
  'arrow-flight-integration-client': `${flightIntegration}/arrow-flight-integration-client@v18.8.0`,
  'arrow-flight-integration-server': `${flightIntegration}/arrow-flight-integration-server@v18.8.0`,
  ghz: 'github.com/bojand/ghz/cmd/ghz@v0.121.0',
  helm: 'helm.sh/helm/v3/cmd/helm@v3.22.0',
  kubeconform: 'github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0',
  grpcurl: 'github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4',
  sqlite_flightsql_server:
    'github.com/apache/arrow-go/v18/arrow/flight/flightsql/example/cmd/sqlite_flightsql_server@v18.8.0',
}

/** Go tools of the tests and benchmarks, in .cache/bin. */
export function installGoTools() {
  const bin = join(cache, 'bin')
  const installed = Object.entries(goTools).map(([name, module]) =>
    optional(`The Go tool ${name}`, () =>
      once(join(cache, `${name}.stamp`), module, existsSync(join(bin, name)), () => {
        process.stderr.write(`installing ${module}\n`)
        run('go', ['install', module], { env: { ...process.env, GOBIN: bin } })
      }),
    ),
  )
  return installed.every(Boolean)
}

/**
 * A Go program, built into .cache/bin from a module of this repository; rebuilt when the module's files change.
 * @param build arguments of `go` before `-o`
 * @param what the package, of the module or of a dependency
 */
export function buildGoProgram(name, folder, build = ['build'], what = '.') {
  const target = join(cache, 'bin', name)
  const sources = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const content = sources
    .map(({ parentPath, name: file }) => join(parentPath, file))
    .sort()
    .map((file) => readFileSync(file, 'utf8'))
    .join()
  return optional(`The Go program ${name}`, () =>
    once(join(cache, `${name}.stamp`), content, existsSync(target), () => {
      process.stderr.write(`building ${name}\n`)
      run('go', [...build, '-o', target, what], { cwd: folder })
    }),
  )
}

const jdbcVersions = ['18.3.0', '17.0.0']

/** The JDBC drivers of the tests and the programs that drive them, in .cache/java. */
export function installJava() {
  const folder = join(cache, 'java')
  const sources = join(root, 'test', 'java')
  const programs = readdirSync(sources)
    .sort()
    .map((file) => join(sources, file))
  const content = [...jdbcVersions, ...programs.map((program) => readFileSync(program, 'utf8'))].join()
  return optional('Java', () =>
    once(join(cache, 'java.stamp'), content, existsSync(folder), () => {
      process.stderr.write('installing the JDBC drivers\n')
      mkdirSync(folder, { recursive: true })
      for (const version of jdbcVersions) {
        const artifact = `org.apache.arrow:flight-sql-jdbc-driver:${version}`
        if (!existsSync(join(folder, `flight-sql-jdbc-driver-${version}.jar`)))
          run('mvn', ['-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`])
      }
      run('javac', ['-d', folder, ...programs])
    }),
  )
}

/** promtool of Debian's package prometheus, in .cache/bin unless the system has it. The package itself would start a server. */
export function installPromtool() {
  return optional('promtool', () => {
    if (spawnSync('promtool', ['--version'], { stdio: 'ignore' }).status === 0) return
    const target = join(cache, 'bin', 'promtool')
    once(join(cache, 'promtool.stamp'), 'prometheus', existsSync(target), () => {
      process.stderr.write('fetching promtool\n')
      const folder = join(cache, 'promtool')
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(join(cache, 'bin'), { recursive: true })
      mkdirSync(folder, { recursive: true })
      run('sh', ['-c', 'apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb .'], { cwd: folder })
      copyFileSync(join(folder, 'usr', 'bin', 'promtool'), target)
      rmSync(folder, { recursive: true, force: true })
    })
  })
}

/** Tells whether the system has the browser of the tests, which is not installed here: it is a package of the system. */
export function checkChromium() {
  return optional('Chromium', () =>
    run('sh', ['-c', 'command -v chromium || command -v chromium-browser || command -v google-chrome']),
  )
}

// `node scripts/install.mjs` installs the npm packages alone.
if (process.argv[1] === fileURLToPath(import.meta.url)) installPackages()
