import { curlExample, firstExample } from './curl-example.ts'
import { resolved, schemaTables, typeOf } from './docs-schema.ts'
import type { JsonSchema, Media, OpenApiDocument, Operation, Parameter } from './document-types.ts'
import { type Html, html, prose } from './html.ts'

/** Where an operation is in the document. */
export interface LocatedOperation {
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

/** Id of the section of an operation. */
export function operationAnchor({ method, path, operation }: LocatedOperation): string {
  return operation.operationId ?? `${method}-${path.replace(/\W+/g, '-')}`
}

/** The method and path of an operation. */
export function operationName({ method, path }: LocatedOperation): Html {
  return html`<span class="method ${method}">${method.toUpperCase()}</span> <code>${path}</code>`
}

/** The section of an operation: description, parameters, body, example, answers. */
export function operationSection(located: LocatedOperation, document: OpenApiDocument): Html {
  const { method, path, operation } = located
  const anchor = operationAnchor(located)
  const media = Object.values(operation.requestBody?.content ?? {})[0]
  const example = curlExample(method, path, operation, firstExample(media))
  return html`<section class="operation" id="${anchor}" aria-labelledby="${anchor}-title">
<h3 id="${anchor}-title"><a href="#${anchor}">${operation.summary ?? path}</a></h3>
<p class="route">${operationName(located)}</p>
${paragraphs(operation.description)}
${parameterTable(operation.parameters ?? [])}
${bodyPart(operation, document)}
<h4>Example</h4>
<pre tabindex="0" aria-label="Example of ${operation.summary ?? path}"><code>${example}</code></pre>
${answersPart(operation)}
</section>`
}

/** A text with an empty line between its paragraphs. */
export function paragraphs(text: string | undefined): Html[] {
  return (text ?? '')
    .split('\n\n')
    .filter((paragraph) => paragraph !== '')
    .map((paragraph) => html`<p>${prose(paragraph)}</p>`)
}

function parameterTable(parameters: readonly Parameter[]): Html | undefined {
  if (parameters.length === 0) return undefined
  const members = parameters.map(({ name, in: place, description, schema }): [string, JsonSchema] => [
    name,
    { ...schema, description: `${description ?? ''} (${place})`.trim() },
  ])
  const required = parameters.filter((parameter) => parameter.required).map(({ name }) => name)
  return html`<h4>Parameters</h4>${schemaTables({ properties: Object.fromEntries(members), required }, 'Parameters')}`
}

function bodyPart({ requestBody }: Operation, document: OpenApiDocument): Html | undefined {
  if (!requestBody) return undefined
  return html`<h4>Body</h4>
${Object.entries(requestBody.content).map(([type, media]) => mediaPart(type, media, document))}`
}

function mediaPart(type: string, { schema }: Media, document: OpenApiDocument): Html {
  const tables = schema ? schemaTables(resolved(schema, document), `Body as ${type}`) : []
  return html`<p><code>${type}</code></p>${tables}`
}

function answersPart({ responses }: Operation): Html {
  const rows = Object.entries(responses).map(([status, { description, content }]) => {
    const types = Object.entries(content ?? {}).map(
      ([type, { schema }]) => html`<div><code>${type}</code>${schema ? html` ${typeOf(schema)}` : undefined}</div>`,
    )
    return html`<tr><th scope="row">${status}</th><td>${prose(description)}</td><td>${types}</td></tr>`
  })
  return html`<h4>Answers</h4>
<div class="scroll" tabindex="0" role="region" aria-label="Answers"><table>
<caption>Answers</caption>
<thead><tr><th scope="col">Status</th><th scope="col">Description</th><th scope="col">Content</th></tr></thead>
<tbody>${rows}</tbody></table></div>`
}
