/** Markup that is safe to send as it is. */
export class Html {
  readonly markup: string
  constructor(markup: string) {
    this.markup = markup
  }
}

type Part = Html | string | number | undefined | readonly Part[]

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A template of HTML. It escapes its parts unless they are `Html`; a list is joined, and undefined is empty. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let markup = strings[0]!
  parts.forEach((part, index) => {
    markup += markupOf(part) + strings[index + 1]!
  })
  return new Html(markup)
}

/** Escapes a plain text, and marks what stands in backticks as code. */
export function prose(text: string): Html {
  const pieces = text.split('`')
  return new Html(pieces.map((piece, at) => (at % 2 ? `<code>${escaped(piece)}</code>` : escaped(piece))).join(''))
}

function markupOf(part: Part): string {
  if (part === undefined) return ''
  if (part instanceof Html) return part.markup
  if (typeof part === 'object') return part.map(markupOf).join('')
  return escaped(String(part))
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!)
}
