// Writes the JSON schemas of test/deploy/kubernetes-schemas from Kubernetes' own OpenAPI document: of the kinds that the Helm chart
// uses, without descriptions, in the layout of kubeconform. Its argument is that document: api/openapi-spec/swagger.json of the
// Go module k8s.io/kubernetes (`go mod download -json k8s.io/kubernetes@v1.34.0` prints its folder).
import { readFileSync, writeFileSync } from 'node:fs'

type Schema = { [key: string]: unknown }

/** Definitions of the kinds, and the names of their files. */
const kinds = {
  'io.k8s.api.apps.v1.Deployment': 'deployment-apps-v1',
  'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler': 'horizontalpodautoscaler-autoscaling-v2',
  'io.k8s.api.core.v1.ConfigMap': 'configmap-v1',
  'io.k8s.api.core.v1.Service': 'service-v1',
  'io.k8s.api.core.v1.ServiceAccount': 'serviceaccount-v1',
  'io.k8s.api.networking.v1.NetworkPolicy': 'networkpolicy-networking-v1',
  'io.k8s.api.policy.v1.PodDisruptionBudget': 'poddisruptionbudget-policy-v1',
}
const REFERENCE = '#/definitions/'

/** A schema as kubeconform reads it: strict, and without what only people read. */
function converted(schema: unknown, used: Set<string>): unknown {
  if (Array.isArray(schema)) return schema.map((each) => converted(each, used))
  if (typeof schema !== 'object' || schema === null) return schema
  const { $ref, format, properties } = schema as Schema
  if (typeof $ref === 'string') {
    used.add($ref.slice(REFERENCE.length))
    return { $ref }
  }
  if (format === 'int-or-string') return { type: ['integer', 'string'] }
  const kept = Object.entries(schema).filter(([key]) => key !== 'description' && !key.startsWith('x-kubernetes'))
  const result: Schema = {}
  for (const [key, value] of kept)
    result[key] =
      key === 'properties'
        ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, converted(each, used)]))
        : converted(value, used)
  if (properties !== undefined) result['additionalProperties'] = false
  return result
}

const [document] = process.argv.slice(2)
const { definitions } = JSON.parse(readFileSync(document!, 'utf8')) as { definitions: { [name: string]: Schema } }
for (const [name, file] of Object.entries(kinds)) {
  const found: { [name: string]: unknown } = {}
  const pending = new Set<string>()
  const root = converted(definitions[name], pending) as Schema
  for (const next of pending) found[next] = converted(definitions[next], pending)
  const schema = { $schema: 'http://json-schema.org/draft-07/schema#', ...root, definitions: found }
  const target = new URL(`../test/deploy/kubernetes-schemas/${file}.json`, import.meta.url)
  writeFileSync(target, `${JSON.stringify(schema)}\n`)
}
