import type { JsonSchema, OpenApiDocument } from './document-types.ts'
import { type Html, html, prose } from './html.ts'

const REF = '#/components/schemas/'

/** Id of the section of a named schema. */
export function schemaAnchor(name: string): string {
  return `schema-${name}`
}

/** Resolves a reference to a named schema of the document. */
export function resolved(schema: JsonSchema, document: OpenApiDocument): JsonSchema {
  const name = schema.$ref?.slice(REF.length)
  return name === undefined ? schema : (document.components?.schemas?.[name] ?? schema)
}

/** The members of an object as a table; for a choice of objects one table each; nothing for other schemas. */
export function schemaTables(schema: JsonSchema, caption: string): Html[] {
  const choices = schema.anyOf ?? schema.oneOf
  if (choices && !schema.properties) {
    const objects = choices.filter((choice) => choice.properties)
    return objects.flatMap((choice, at) => schemaTables(choice, `${caption}, form ${at + 1} of ${objects.length}`))
  }
  const rows = rowsOf(schema, '')
  if (rows.length === 0) return []
  return [
    html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">Description</th></tr></thead>
<tbody>${rows}</tbody></table></div>`,
  ]
}

function rowsOf(schema: JsonSchema, prefix: string): Html[] {
  const required = new Set(schema.required ?? [])
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const path = prefix + name
    const mark = required.has(name) ? html` <span class="required">required</span>` : undefined
    const row = html`<tr><th scope="row"><code>${path}</code>${mark}</th><td>${typeOf(member)}</td><td>${aboutOf(member)}</td></tr>`
    return [row, ...nestedRows(member, path)]
  })
}

/** Rows for the members of an object or of the objects of an array that has no section of its own. */
function nestedRows(member: JsonSchema, path: string): Html[] {
  if (member.items) return nestedRows(member.items, `${path}[]`)
  const choices = member.anyOf ?? member.oneOf ?? []
  return [...rowsOf(member, `${path}.`), ...choices.flatMap((choice) => nestedRows(choice, path))]
}

/** The type of a value in words, with links to named schemas. */
export function typeOf(schema: JsonSchema): Html {
  if (schema.$ref) {
    const name = schema.$ref.slice(REF.length)
    return html`<a href="#${schemaAnchor(name)}">${name}</a>`
  }
  const choices = schema.properties ? undefined : (schema.anyOf ?? schema.oneOf)
  if (choices) return joined(choices.map(choiceOf), ' or ')
  if (schema.items) return html`array of ${typeOf(schema.items)}`
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`
  if (schema.enum)
    return joined(
      schema.enum.map((value) => html`<code>${JSON.stringify(value)}</code>`),
      ' or ',
    )
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? ['any value'])
  const format = schema.format === undefined ? undefined : ` (${schema.format})`
  return html`${types.join(' or ')}${format}`
}

/** A choice in words; an object without a name by its members. */
function choiceOf(schema: JsonSchema): Html {
  if (schema.$ref || !schema.properties) return typeOf(schema)
  return html`object with ${joined(Object.keys(schema.properties).map(code), ', ')}`
}

function code(text: string): Html {
  return html`<code>${text}</code>`
}

function joined(parts: readonly Html[], separator: string): Html {
  return html`${parts.map((part, at) => (at === 0 ? part : html`${separator}${part}`))}`
}

function aboutOf(schema: JsonSchema): Html {
  const bounds = [
    rangeOf(schema.minimum, schema.maximum, ''),
    rangeOf(schema.minLength, schema.maxLength, ' character'),
    rangeOf(schema.minItems, schema.maxItems, ' item'),
  ].filter((bound) => bound !== undefined)
  const fallback =
    schema.default === undefined ? undefined : html` Default: <code>${JSON.stringify(schema.default)}</code>.`
  return html`${prose(schema.description ?? '')}${bounds.map((bound) => ` ${bound}`)}${fallback}`
}

function rangeOf(from: number | undefined, to: number | undefined, unit: string): string | undefined {
  // Whole numbers are bounded by what JSON can express; telling that helps no reader.
  const least = from !== undefined && Math.abs(from) < Number.MAX_SAFE_INTEGER ? from : undefined
  const most = to !== undefined && to < Number.MAX_SAFE_INTEGER ? to : undefined
  if (least !== undefined && most !== undefined) return `${grouped(least)} to ${counted(most, unit)}.`
  if (most !== undefined) return `At most ${counted(most, unit)}.`
  return least === undefined || least === 0 ? undefined : `At least ${counted(least, unit)}.`
}

function counted(figure: number, unit: string): string {
  return `${grouped(figure)}${unit}${unit === '' || figure === 1 ? '' : 's'}`
}

function grouped(figure: number): string {
  return figure.toLocaleString('en-US')
}
