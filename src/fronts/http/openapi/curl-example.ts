import type { Media, Operation, Parameter } from './document-types.ts'

/** Address of the gateway in the commands. */
export const exampleOrigin = 'http://127.0.0.1:8080'

/** Commands that the examples need to have run before. */
export const curlPreparation = `GATEWAY=${exampleOrigin}\nAPI_KEY=your-key`

/**
 * A curl command that calls an operation, for a POSIX shell with the variables of `curlPreparation`.
 * @param example body of the request
 */
export function curlExample(method: string, path: string, operation: Operation, example: unknown): string {
  const hasBody = operation.requestBody !== undefined
  const isPost = method === 'post' && hasBody
  const isPlain = method === 'get' || isPost
  const lines = [
    `curl -sS ${isPlain ? '' : `-X ${method.toUpperCase()} `}"$GATEWAY${withExamples(path, operation.parameters ?? [])}"`,
    '-H "x-api-key: $API_KEY"',
  ]
  if (hasBody) lines.push(`-H 'content-type: application/json'`, `-d ${quoted(JSON.stringify(example))}`)
  return lines.join(' \\\n  ')
}

/** The first example of a body. */
export function firstExample(media: Media | undefined): unknown {
  return media?.example ?? Object.values(media?.examples ?? {})[0]?.value ?? media?.schema?.examples?.[0] ?? {}
}

function withExamples(path: string, parameters: readonly Parameter[]): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const parameter = parameters.find((each) => each.in === 'path' && each.name === name)
    return encodeURIComponent(String(parameter?.example ?? parameter?.schema?.examples?.[0] ?? name))
  })
}

/** Quotes a text for a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
