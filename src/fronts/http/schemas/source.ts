import { z } from 'zod'
import { count, instantOrUnknown } from './figures.ts'

const sourceFields = {
  name: z.string().describe('Name in the configuration.'),
  kind: z.string().describe('Kind of the engine, such as `duckdb` or `dremio`.'),
  writes: z.boolean().describe('Whether the source allows statements that change data.'),
  default: z.boolean().describe("Whether the caller's statements run here if they name no source."),
  health: z
    .enum(['unknown', 'up', 'down'])
    .describe('What the last health check found; `unknown` before the first one.'),
  draining: z
    .boolean()
    .describe('Whether an operator drains it: it takes no new statements on the replica that answers.'),
  health_since: instantOrUnknown('When the health changed last; null before the first check.'),
}

const exampleSource = {
  name: 'demo',
  kind: 'duckdb',
  writes: false,
  default: true,
  health: 'up' as const,
  health_since: '2026-11-28T09:00:00.000Z',
  draining: false,
}

/** A source in answers. */
export const sourceSchema = z.object(sourceFields).meta({
  id: 'Source',
  description: 'An engine that runs statements.',
  examples: [exampleSource],
})

/** Answer of `GET /api/v1/sources`. */
export const sourcesAnswer = z
  .object({ sources: z.array(sourceSchema).describe('The sources, in the order of the configuration.') })
  .meta({ id: 'Sources', description: 'The sources that statements can name.' })

const slotsSchema = z
  .object({
    total: count('Statements that may run at the same time.'),
    used: count('Statements that run or are read.'),
    queued: count('Statements that wait for a slot.'),
  })
  .meta({ id: 'Slots', description: 'The slots of running statements of a source, on this replica.' })

const endpointSchema = z
  .object({
    address: z.string().describe('Address of the server, such as grpc://10.0.0.5:32010.'),
    breaker: z
      .enum(['closed', 'open', 'half_open'])
      .describe(
        'Circuit breaker. `closed`: calls pass. `open`: calls fail at once, because the server kept failing. `half_open`: one call tries the server.',
      ),
    breaker_mode: z
      .enum(['automatic', 'open', 'closed'])
      .describe(
        'Who decides about the breaker: the outcome of calls (`automatic`), or an operator who holds it open or closed.',
      ),
    connections: count('Pooled connections that are open.'),
    busy_connections: count('Pooled connections that carry a call.'),
    waiting: count('Calls that wait for a connection.'),
    max_connections: count('Largest number of connections.'),
  })
  .meta({ id: 'Endpoint', description: 'One server of a source.' })

/** Answer of `GET /api/v1/sources/{name}`. */
export const sourceAnswer = z
  .object({
    ...sourceFields,
    slots: slotsSchema,
    endpoints: z.array(endpointSchema).describe('The servers of the source; empty for an embedded engine.'),
  })
  .meta({
    id: 'SourceDetails',
    description: 'A source with its statistics.',
    examples: [{ ...exampleSource, slots: { total: 8, used: 1, queued: 0 }, endpoints: [] }],
  })
