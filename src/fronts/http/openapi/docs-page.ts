import { createHash } from 'node:crypto'
import { curlPreparation } from './curl-example.ts'
import {
  type LocatedOperation,
  operationAnchor,
  operationName,
  operationSection,
  paragraphs,
} from './docs-operation.ts'
import { schemaAnchor, schemaTables, typeOf } from './docs-schema.ts'
import { docsStyle } from './docs-style.ts'
import type { OpenApiDocument } from './document-types.ts'
import { Html, html } from './html.ts'

const styleHash = createHash('sha256').update(docsStyle).digest('base64')

/** `content-security-policy` of the page: its own style, and nothing else from anywhere. */
export const docsPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${styleHash}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Renders an OpenAPI document as one HTML page without scripts. */
export function docsPage(document: OpenApiDocument): string {
  const groups = groupsOf(document)
  const schemas = Object.entries(document.components?.schemas ?? {})
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${document.info.title}</title>
<link rel="icon" href="data:,">
${new Html(`<style>${docsStyle}</style>`)}
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<nav aria-label="Operations">
<p class="brand">${document.info.title} <span>${document.info.version}</span></p>
${groups.map(({ name, operations }) => navigationGroup(name, operations))}
<h2>Schemas</h2>
<ul>${schemas.map(([name]) => html`<li><a href="#${schemaAnchor(name)}">${name}</a></li>`)}</ul>
</nav>
<main id="content">
<h1>${document.info.title} <span class="version">${document.info.version}</span></h1>
${paragraphs(document.info.description)}
<p>The same as a document for tools: <a href="openapi.json">OpenAPI ${document.openapi}</a>. The examples use two variables of the shell:</p>
<pre tabindex="0" aria-label="Variables of the examples"><code>${curlPreparation}</code></pre>
${groups.map(
  ({ name, about, operations }) => html`<h2>${name}</h2>
${paragraphs(about)}
${operations.map((located) => operationSection(located, document))}`,
)}
<h2>Schemas</h2>
${schemas.map(
  ([name, schema]) => html`<section id="${schemaAnchor(name)}" aria-labelledby="${schemaAnchor(name)}-title">
<h3 id="${schemaAnchor(name)}-title"><a href="#${schemaAnchor(name)}">${name}</a></h3>
${paragraphs(schema.description)}
${schema.properties ? undefined : html`<p>${typeOf(schema)}</p>`}
${schemaTables(schema, `Members of ${name}`)}
</section>`,
)}
</main>
</body>
</html>
`
  return page.markup
}

interface Group {
  readonly name: string
  readonly about: string | undefined
  readonly operations: readonly LocatedOperation[]
}

/** The operations by their first tag, in the order of the document's tags. */
function groupsOf({ tags = [], paths }: OpenApiDocument): Group[] {
  const all = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method, path, operation })),
  )
  const groups = tags.map(({ name, description }) => ({
    name,
    about: description,
    operations: all.filter(({ operation }) => operation.tags?.[0] === name),
  }))
  return groups.filter(({ operations }) => operations.length > 0)
}

function navigationGroup(name: string, operations: readonly LocatedOperation[]): Html {
  return html`<h2>${name}</h2>
<ul>${operations.map((located) => html`<li><a href="#${operationAnchor(located)}">${operationName(located)}</a></li>`)}</ul>`
}
