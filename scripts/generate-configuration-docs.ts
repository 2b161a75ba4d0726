// Writes docs/configuration.md from the settings' schema; with --check it only reports whether the page is current.
import { readFileSync, writeFileSync } from 'node:fs'
import { otherVariables, variablesOf } from '../src/config/environment.ts'
import { type SettingSchema, settingsSchema } from '../src/config/json-schema.ts'
import { isLive } from '../src/config/reload/live-settings.ts'
import { changesInPlace } from '../src/config/reload/reopening.ts'
import { configSchema } from '../src/config/schema.ts'
import { sourceKinds } from '../src/sources/kinds.ts'

const page = new URL('../docs/configuration.md', import.meta.url)

interface Row {
  readonly path: string
  readonly schema: SettingSchema
  readonly required: boolean
}

/** The settings below a schema, except those that depend on the kind of a source. */
function* rows(schema: SettingSchema, path: string): Generator<Row> {
  const required = new Set(schema.required ?? [])
  for (const [name, each] of Object.entries(schema.properties ?? {})) {
    const at = path === '' ? name : `${path}.${name}`
    yield { path: at, schema: each, required: required.has(name) }
    yield* rows(each, at)
    if (each.items?.properties) yield* rows(each.items, `${at}[]`)
    if (typeof each.additionalProperties === 'object') yield* rows(each.additionalProperties, `${at}.<name>`)
  }
}

function rangeOf({ type, enum: values, const: only, minimum, maximum, secret }: SettingSchema): string {
  if (only !== undefined) return `\`${only}\``
  if (values) return values.map((each) => `\`${each}\``).join(', ')
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`
  return secret
    ? 'secret text'
    : String(type ?? '')
        .replace('object', 'section')
        .replace('array', 'list')
        .replace('string', 'text')
}

function defaultOf({ schema, required }: Row): string {
  if (required) return 'required'
  if (schema.default === undefined || schema.type === 'object') return ''
  return `\`${JSON.stringify(schema.default)}\``
}

/** Whether a reload changes a setting; empty for sections. @param kind of the source that has the setting */
function reloadOf({ path, schema }: Row, kind: string | undefined): string {
  if (schema.type === 'object' || schema.const !== undefined) return ''
  const keys = path.replaceAll('[]', '').split('.')
  const [, , setting] = keys
  const isBound = kind !== undefined && setting !== undefined && sourceKinds[kind]?.isReplaceable !== undefined
  return isLive(keys) && !(isBound && !changesInPlace(kind, setting, sourceKinds)) ? 'yes' : 'no'
}

/** A table of the settings below a schema. */
function tableOf(schema: SettingSchema, path: string, kind?: string): string {
  const lines = [...rows(schema, path)].map(
    (row) =>
      `| \`${row.path}\` | ${rangeOf(row.schema)} | ${defaultOf(row)} | ${reloadOf(row, kind)} | ${row.schema.description ?? ''} |`,
  )
  return ['| Setting | Value | Default | Reload | What it does |', '|---|---|---|---|---|', ...lines].join('\n')
}

/** The expected content of the page. */
export function configurationDocs(): string {
  const settings = settingsSchema(configSchema)
  const ofSources = settings.properties?.['sources']?.additionalProperties as SettingSchema
  const kinds = (ofSources.oneOf ?? []).map((schema) => ({ kind: schema.properties?.['kind']?.const, schema }))
  return `# Configuration

Write a YAML file and name it by \`--config\` or by the variable \`FLIGHTGATE_CONFIG\`. Environment variables override it.
\`flightgate check-config --config FILE\` lists every problem at once and prints the settings in force without their secrets. The start
does the same check, and both refuse unknown settings.

| In the file | Means |
|---|---|
| \`...Ms\`, \`...Bytes\` | the unit of the setting: milliseconds, bytes |
| \`\${NAME}\` in any text | the value of the environment variable NAME |
| \`file:PATH\` as a secret | the content of that file |

\`\`\`yaml
listen: { flight: 127.0.0.1:32010, http: 127.0.0.1:8080 }
auth:
  apiKeys: [ { name: dash, key: "sha256:<64 hex digits>", roles: [reader], defaultSource: sales } ]
  sealKeys: [ "file:/run/secrets/seal-key" ]
sources:
  demo:  { kind: duckdb, path: ":memory:", sample: { tpch: 0.1 } }
  sales: { kind: duckdb, path: sales.duckdb, memoryLimitBytes: 4294967296 }
defaultSource: demo
\`\`\`

## Settings

The column Reload tells whether a [reload](operations.md#reload) changes a setting while the gateway serves; the others need a restart. Those of a
DuckDB file that no setting can change are reloaded too.

The settings of a source depend on its kind: ${kinds.map(({ kind }) => `[${kind}](#sources-of-kind-${kind})`).join(', ')}.

${tableOf(settings, '')}

${kinds.map(({ kind, schema }) => `### Sources of kind ${kind}\n\n${tableOf(schema, 'sources.<name>', String(kind))}`).join('\n\n')}

## Environment variables

| Variable | What happens |
|---|---|
| begins with \`FLIGHTGATE_\`, and is neither listed here nor named in the file as \`\${NAME}\` | the gateway refuses it as a typing error |
| set by Kubernetes for the Services of a namespace (\`FLIGHTGATE_SERVICE_HOST\`, \`FLIGHTGATE_PORT=tcp://...\`, \`DREMIO_PORT=tcp://...\`) | the gateway ignores it |
| named in the file as \`\${NAME}\` | the file gets its value, and it has no other effect: with \`password: "\${DREMIO_PASSWORD}"\` in a source \`lake\`, the variable makes no source \`dremio\` |
| other \`REDIS_*\`, \`BIGQUERY_*\` | no effect; one warning at start names those that are set |

| Variable | What it does |
|---|---|
${[...variablesOf(sourceKinds).map(({ name, about }) => [name, about] as const), ...Object.entries(otherVariables)].map(([name, about]) => `| \`${name}\` | ${about} |`).join('\n')}
`
}

if (import.meta.main) {
  if (!process.argv.includes('--check')) writeFileSync(page, configurationDocs())
  else if (readFileSync(page, 'utf8') !== configurationDocs()) {
    process.stderr.write('docs/configuration.md is not current: run scripts/generate-configuration-docs.ts\n')
    process.exitCode = 1
  }
}
