import { z } from 'zod'
import { secret, wholeNumber } from '../setting/value.ts'

/** Schema of `tracing`. */
export const tracingSchema = z.strictObject({
  endpoint: z
    .string()
    .superRefine((text, context) => {
      const message = collectorProblem(text)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
    .describe(
      'URL of the collector, to which the gateway posts spans as OTLP (protobuf over HTTP), with its path, such as `http://127.0.0.1:4318/v1/traces`.',
    ),
  headers: z
    .record(z.string().regex(/^[A-Za-z0-9-]{1,100}$/, 'must be the name of a header'), secret('Value of the header.'))
    .default({})
    .describe('Headers of each export, such as `authorization`; they are secrets.'),
  sampleRatio: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe(
      'Part of the calls that are traced, of those whose client sends no `traceparent`; otherwise its flag `sampled` decides.',
    ),
  serviceName: z.string().min(1).max(255).default('flightgate').describe('The resource attribute `service.name`.'),
  resourceAttributes: z
    .record(z.string().min(1).max(255), z.string().max(1024))
    .default({})
    .describe('Further attributes of the resource, such as `deployment.environment.name`.'),
  statements: z
    .enum(['hash', 'text', 'none'])
    .default('hash')
    .describe('What spans contain of statements: a hash, the text besides (its first 2,000 characters), or nothing.'),
  timeoutMs: wholeNumber(
    'Time limit of an export, with its retries. When the process ends, the last spans have so long, but at most 3 s.',
    { min: 100, max: 60_000, default: 10_000 },
  ),
  maxQueuedSpans: wholeNumber(
    'Spans that wait for the collector, about 2 KB each; the gateway drops further ones and counts them in `flightgate_spans_dropped_total`.',
    { min: 1, max: 100_000, default: 4096 },
  ),
})

/** How calls are traced. */
export type TracingSettings = Readonly<z.output<typeof tracingSchema>>

/** Why a text is no URL of a collector; undefined if it is one. */
export function collectorProblem(text: string): string | undefined {
  const url = URL.parse(text)
  const isRight = url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
  return isRight
    ? undefined
    : 'must be an http or https URL such as http://127.0.0.1:4318/v1/traces, without credentials'
}
