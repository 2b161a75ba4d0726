import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { docsPage, docsPolicy } from './docs-page.ts'
import { DocsPages } from './docs-pages.ts'
import type { JsonSchema, Media, OpenApiDocument, PathItem } from './document-types.ts'

/** What the document tells beside the routes. */
export interface DocumentInfo {
  /** Version of the gateway. */
  readonly version: string
  /** Whether the gateway takes calls without credentials. */
  readonly isOpen: boolean
}

const description = `SQL over HTTP in front of every source of this gateway. Rows are sent as they arrive, under the client's backpressure.

Errors are \`application/problem+json\`. Member \`code\` is a code of the gateway's table of errors, \`retryable\` tells whether the same request may succeed later. Each answer carries \`x-request-id\`, which is also in the gateway's log.

\`POST /api/v1/query\` is also there as the method \`QUERY\` (safe and idempotent), which OpenAPI 3.1 cannot express.`

const tags = [
  { name: 'Statements', description: 'Run one statement, or estimate what it would read.' },
  { name: 'Batches', description: 'Run 1 to 100 statements side by side.' },
  { name: 'Control', description: 'Sources, usage and running statements.' },
  { name: 'Administration', description: 'Actions of operators. Each is audited.' },
]

const securitySchemes = {
  apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'An API key.' },
  bearer: { type: 'http', scheme: 'bearer', description: 'An API key, or a bearer token of the gateway.' },
  basic: { type: 'http', scheme: 'basic', description: 'An API key as the password, with any user name.' },
} as const

/**
 * Adds `/openapi.json` and `/docs`, about all routes that are added to `app` by plugins after this. Both need no credentials and
 * are rendered once: answers that wait in a connection share the bytes.
 */
export function addOpenApi(app: FastifyInstance, { version, isOpen }: DocumentInfo): void {
  const examples: BodyExamples = new Map()
  void app.register(swagger, {
    openapi: {
      openapi: '3.1.1',
      info: { title: 'flightgate', version, description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      servers: [{ url: '/', description: 'This gateway.' }],
      tags,
      components: { securitySchemes },
      security: isOpen ? [] : Object.keys(securitySchemes).map((name) => ({ [name]: [] })),
    },
    convertConstToEnum: false,
    transform: (input) => {
      const { operationId, body } = (input.schema ?? {}) as { operationId?: string; body?: unknown }
      const list = body instanceof z.ZodType ? body.meta()?.['examples'] : undefined
      if (operationId !== undefined && Array.isArray(list)) examples.set(operationId, list)
      return jsonSchemaTransform(input)
    },
    transformObject: (input) =>
      openApi31(jsonSchemaTransformObject(input) as unknown as OpenApiDocument, examples) as never,
  })
  let rendered: { readonly document: Buffer; readonly pages: DocsPages } | undefined
  const render = () => {
    if (rendered) return rendered
    const document = app.swagger() as unknown as OpenApiDocument
    rendered = { document: Buffer.from(JSON.stringify(document)), pages: new DocsPages(docsPage(document)) }
    return rendered
  }
  const hidden = { schema: { hide: true } }
  app.get('/openapi.json', hidden, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(render().document),
  )
  app.get('/docs', hidden, async ({ protocol, host }, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', docsPolicy)
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer')
      .send(render().pages.of(`${protocol}://${host}`)),
  )
}

/** Examples of bodies by the id of their operation. zod drops them from the JSON Schema of a body that it transforms in part. */
type BodyExamples = Map<string, readonly unknown[]>

/**
 * Drops what OpenAPI 3.1 does not know (the method QUERY) and the schemas that no operation refers to. Gives each body its
 * examples.
 */
function openApi31(document: OpenApiDocument, examples: BodyExamples): OpenApiDocument {
  const all = document.components?.schemas ?? {}
  const paths = Object.fromEntries(
    Object.entries(document.paths).map(([path, { query: _, ...item }]) => [
      path,
      withOptionalBodies(path, withBodyExamples(item, examples), all),
    ]),
  )
  const used = new Set<string>()
  collectReferences(paths, all, used)
  const schemas = Object.fromEntries(
    Object.entries(all)
      .filter(([name]) => used.has(name))
      .sort(([one], [other]) => one.localeCompare(other)),
  )
  return withShortNames({ ...document, paths, components: { ...document.components, schemas } })
}

/** Drops the suffix of schemas of bodies, which the generator adds to all, where no schema of an answer has the same name. */
function withShortNames(document: OpenApiDocument): OpenApiDocument {
  const names = Object.keys(document.components?.schemas ?? {})
  const short = (name: string) => name.replace(/Input$/, '')
  const isFree = (name: string) => !names.includes(short(name))
  return JSON.parse(JSON.stringify(document), (key, value) => {
    if (key === '$ref' && isFree(nameOf(value))) return short(value)
    if (key !== 'schemas') return value
    return Object.fromEntries(
      Object.entries(value).map(([name, schema]) => [isFree(name) ? short(name) : name, schema]),
    )
  })
}

/** The name of the schema that a reference points to. */
function nameOf(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1)
}

function withBodyExamples(item: PathItem, examples: BodyExamples): PathItem {
  const operations = Object.entries(item).map(([method, operation]) => {
    const content = operation.requestBody?.content
    const list = examples.get(operation.operationId ?? '')
    if (!content || !list) return [method, operation] as const
    const complete = Object.entries(content).map(([type, media]) => [type, withExamples(media, list)] as const)
    return [
      method,
      { ...operation, requestBody: { ...operation.requestBody, content: Object.fromEntries(complete) } },
    ] as const
  })
  return Object.fromEntries(operations)
}

/** Marks bodies that may be left out: those of the routes of operators without a required member. */
function withOptionalBodies(path: string, item: PathItem, schemas: Readonly<Record<string, JsonSchema>>): PathItem {
  if (!path.startsWith('/admin/')) return item
  const operations = Object.entries(item).map(([method, operation]) => {
    const { requestBody } = operation
    const schema = Object.values(requestBody?.content ?? {})[0]?.schema
    const { required = [] } = (schema?.$ref ? schemas[nameOf(schema.$ref)] : schema) ?? {}
    if (!requestBody || required.length > 0) return [method, operation] as const
    return [method, { ...operation, requestBody: { ...requestBody, required: false } }] as const
  })
  return Object.fromEntries(operations)
}

function withExamples({ example: _, ...media }: Media, examples: readonly unknown[]): Media {
  return { ...media, examples: Object.fromEntries(examples.map((value, i) => [`example${i + 1}`, { value }])) }
}

function collectReferences(value: unknown, schemas: Readonly<Record<string, JsonSchema>>, used: Set<string>): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) {
    if (key !== '$ref' || typeof member !== 'string') {
      collectReferences(member, schemas, used)
      continue
    }
    const name = nameOf(member)
    if (used.has(name)) continue
    used.add(name)
    collectReferences(schemas[name], schemas, used)
  }
}
