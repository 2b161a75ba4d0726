import { createHash } from 'node:crypto'
import fastify, { type FastifySchema } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { addOpenApi } from '../../../src/fronts/http/openapi/document.ts'

const hostile = `</p><script>alert("1")</script> & 'x'`
const thing = z.object({ size: z.int().min(0).describe(hostile) }).meta({ id: 'TestThing', description: 'A thing.' })
z.object({ lost: z.string() }).meta({ id: 'TestUnused' })

const schema = {
  operationId: 'makeThing',
  summary: hostile,
  description: 'First `code`.\n\nSecond.',
  tags: ['Statements'],
  body: z.strictObject({ name: z.string().max(10).describe('Its name.') }).meta({ examples: [{ name: "it's" }] }),
  response: { 200: { description: 'The thing.', content: { 'application/json': { schema: thing } } } },
} as FastifySchema

async function served() {
  const app = fastify().setValidatorCompiler(validatorCompiler).setSerializerCompiler(serializerCompiler)
  addOpenApi(app, { version: '1.2.3', isOpen: false })
  await app.register(async (api) => {
    api.post('/api/v1/things/:name', { schema }, async () => ({ size: 1 }))
    api.route({ method: 'QUERY', url: '/api/v1/things/:name', schema, handler: async () => ({ size: 1 }) })
  })
  const document = (await app.inject('/openapi.json')).json()
  // The commands of the page name the address by which it was reached.
  const page = await app.inject({ url: '/docs', headers: { host: '127.0.0.1:8080' } })
  await app.close()
  return { document, page }
}

it('the document is OpenAPI 3.1 with the schemas that operations refer to, and without the method QUERY', async () => {
  const { document } = await served()
  expect(document).toMatchObject({ openapi: '3.1.1', info: { title: 'flightgate', version: '1.2.3' } })
  expect(Object.keys(document.components.schemas)).toEqual(['TestThing'])
  expect(Object.keys(document.paths['/api/v1/things/{name}'])).toEqual(['post'])
  expect(document.security).toEqual([{ apiKey: [] }, { bearer: [] }, { basic: [] }])
})

it('the page escapes every text of the document and has no scripts', async () => {
  const { page } = await served()
  expect(page.body).not.toMatch(/<script/i)
  expect(page.body).toContain('&lt;/p&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39;')
  expect(page.body).toContain('<p>First <code>code</code>.</p><p>Second.</p>')
})

it('the policy of the page admits its own style and nothing from other addresses', async () => {
  const { page } = await served()
  const policy = String(page.headers['content-security-policy'])
  const style = /<style>(.*)<\/style>/s.exec(page.body)![1]!
  expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`)
  expect(policy).toContain("default-src 'none'")
  expect(page.body).not.toMatch(/https?:\/\/(?!127\.0\.0\.1)/)
})

it('a curl example quotes its body for the shell', async () => {
  const { page } = await served()
  expect(page.body).toContain(`-d &#39;{&quot;name&quot;:&quot;it&#39;\\&#39;&#39;s&quot;}&#39;`)
})
