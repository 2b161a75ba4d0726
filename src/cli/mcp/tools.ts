import { McpServer, type ServerContext } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { HealthState } from '../../../gen/flightgate/v1/gateway_service.ts'
import { packageVersion } from '../../ops/version.ts'
import { GatewayClient } from '../client/gateway-client.ts'
import { estimateJson } from '../estimate/estimate-json.ts'
import { estimateText } from '../estimate/estimate-text.ts'
import { FlightClient } from '../query/flight-client.ts'
import { usageJson } from '../usage/usage-json.ts'
import { usageText } from '../usage/usage-text.ts'
import { DEFAULT_TIMEOUT_S, type McpOptions } from './limits.ts'
import { listTables } from './list-tables.ts'
import { runQuery } from './run-query.ts'
import { statementOf } from './statement.ts'
import { type Called, failureAnswer, type ToolAnswer, textAnswer } from './tool-answer.ts'

const instructions =
  'SQL on the sources of a flightgate gateway. Find sources and tables first, look at the columns of a table, estimate a query that may be large, then run it. Only statements that read are run. Answers are cut at a number of rows and bytes: aggregate and filter in SQL.'

const readOnly = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false } as const
const source = z
  .string()
  .max(64)
  .optional()
  .describe(
    'Name of the source, as list_sources tells; by default the one that the names in the statement belong to, else the default one.',
  )
const sql = z.string().min(1).describe('One SQL statement in the dialect of the source, without a semicolon.')
const pattern = (what: string) =>
  z.string().max(200).optional().describe(`Pattern of SQL's LIKE for ${what}, such as sales%.`)

/** The arguments of a tool. Others are refused: without them the answer would be about something else. */
function argumentsOf<S extends z.core.$ZodShape>(shape: S) {
  const names = Object.keys(shape)
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `There is no argument ${issue.keys.join(', ')}: this tool takes ${names.length > 0 ? names.join(', ') : 'none'}.`
        : undefined,
  })
}

/** The name of a table in its schema. A name that has its schema already stays. */
function inSchema(table: string, schema: string | undefined): string {
  return schema === undefined || table.split('.').at(-2) === schema ? table : `${schema}.${table}`
}

/** A client of the gateway that a call of a tool may end. */
interface Client {
  cancel(): void
  close(): void
}

/** The MCP server: each tool is a call of the gateway with the caller's key, so that its roles, quotas and budgets hold. */
export function createMcpServer(options: McpOptions): McpServer {
  const server = new McpServer({ name: 'flightgate', version: packageVersion() }, { instructions })
  const header = [...options.header, 'x-flightgate-read-only=true']
  const own = { ...options, header, timeout: options.timeout ?? DEFAULT_TIMEOUT_S }
  const gateway = () => new GatewayClient(own)
  /** Makes calls with a client of their own, since the deadline counts from here. */
  const answer = async <C extends Client>(open: () => C, ctx: ServerContext, work: (client: C) => Promise<string>) =>
    await answerOf(open, ctx.mcpReq.signal, { endpoint: options.endpoint, timeoutS: own.timeout }, work)

  server.registerTool(
    'list_sources',
    {
      title: 'List sources',
      description: 'Lists the sources that statements can name: engines and databases.',
      inputSchema: argumentsOf({}),
      annotations: readOnly,
    },
    async (_, ctx) =>
      await answer(gateway, ctx, async (client) => {
        const { sources } = await client.call('listSources', {})
        const lines = sources.map(({ name, kind, default: isDefault, health }) =>
          JSON.stringify({
            name,
            kind,
            ...(isDefault && { default: true }),
            ...(health === HealthState.HEALTH_STATE_DOWN && { health: 'down' }),
          }),
        )
        return lines.join('\n')
      }),
  )
  server.registerTool(
    'list_tables',
    {
      title: 'List tables',
      description: 'Lists tables and views as catalog.schema.table, names that can be used in SQL as they are.',
      inputSchema: argumentsOf({ source, schema: pattern('schemas'), name: pattern('names of tables') }),
      annotations: readOnly,
    },
    async ({ source: at, ...filter }, ctx) =>
      await answer(
        () => new FlightClient(at === undefined ? own : { ...own, source: at }),
        ctx,
        async (client) => await listTables(client, filter, options),
      ),
  )
  server.registerTool(
    'describe_table',
    {
      title: 'Describe a table',
      description: 'Tells the columns of a table with their Arrow types, and what reading all of it would take.',
      inputSchema: argumentsOf({
        table: z.string().min(1).max(1000).describe('Name, as list_tables tells.'),
        schema: z.string().min(1).max(200).optional().describe('Schema of the table, if its name has none.'),
        source,
      }),
      annotations: readOnly,
    },
    async ({ table, schema, source: at }, ctx) =>
      await answer(gateway, ctx, async (client) => {
        const found = await estimateOf(client, options, { table: inSchema(table, schema), source: at })
        const columns = (found.columns ?? []).map(
          ({ name, type, nullable }) => `${name} ${type}${nullable ? '' : ' not null'}`,
        )
        return `${columns.join('\n')}\n\nReading all of it:\n${estimateText({ ...found, columns: null })}`
      }),
  )
  server.registerTool(
    'estimate_query',
    {
      title: 'Estimate a query',
      description: 'Tells what a statement would read and cost, and how to make it cheaper, without running it.',
      inputSchema: argumentsOf({ sql, source }),
      annotations: readOnly,
    },
    async (asked, ctx) =>
      await answer(gateway, ctx, async (client) => {
        const { sql: statement, source: at } = asked
        return estimateText(await estimateOf(client, options, { sql: statement, source: at }))
      }),
  )
  server.registerTool(
    'run_query',
    {
      title: 'Run a query',
      description: `Runs a statement that only reads. Returns lines of JSON: the columns, an array for each row, then whether the answer is complete. At most ${options.maxRows} rows and ${options.maxBytes} bytes${options.maxCost === undefined ? '' : `; a query that would cost more than ${options.maxCost} US dollars is refused`}.`,
      inputSchema: argumentsOf({
        sql,
        source,
        max_rows: z.int().min(1).max(options.maxRows).optional().describe('Most rows to return.'),
      }),
      // What it returns may come from any database, and it may cost.
      annotations: { ...readOnly, openWorldHint: true },
    },
    async (asked, ctx) =>
      await answer(gateway, ctx, async (client) => {
        const bounds = { maxRows: asked.max_rows ?? options.maxRows, maxBytes: options.maxBytes }
        return await runQuery(client, statementOf({ sql: asked.sql, source: asked.source }, options), bounds)
      }),
  )
  server.registerTool(
    'usage',
    {
      title: 'Usage and costs',
      description:
        'Tells what the statements of this key have cost in a month, the budgets, and what it has run today.',
      inputSchema: argumentsOf({
        month: z
          .string()
          .regex(/^\d{4}-\d{2}$/)
          .optional()
          .describe('As 2026-11; by default the current month.'),
      }),
      annotations: readOnly,
    },
    async ({ month = '' }, ctx) =>
      await answer(gateway, ctx, async (client) => {
        const of = { month, dataSource: '', principal: '', group: '', label: '' }
        const costs = usageText(usageJson(await client.call('getCosts', of)))
        const { principal, sources } = await client.call('getUsage', { principal: '' })
        const today = sources.map(({ dataSource, statements, failed, rows, bytes }) =>
          JSON.stringify({
            source: dataSource,
            statements: Number(statements),
            failed: Number(failed),
            rows: Number(rows),
            bytes: Number(bytes),
          }),
        )
        return [costs, '', `Today, ${principal}:`, ...(today.length > 0 ? today : ['nothing'])].join('\n')
      }),
  )
  return server
}

async function estimateOf(client: GatewayClient, options: McpOptions, asked: Parameters<typeof statementOf>[0]) {
  const { estimate } = await client.call('estimateCost', { statement: statementOf(asked, options) })
  if (!estimate) throw new Error('the answer has no estimate')
  return estimateJson(estimate)
}

/** Does the work of a tool with a client of its own, which a cancel of the host ends. Failures become answers. */
async function answerOf<C extends Client>(
  open: () => C,
  signal: AbortSignal,
  called: Called,
  work: (client: C) => Promise<string>,
): Promise<ToolAnswer> {
  const client = open()
  const onAbort = () => client.cancel()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return textAnswer(await work(client))
  } catch (error) {
    return failureAnswer(error, called)
  } finally {
    signal.removeEventListener('abort', onAbort)
    client.close()
  }
}
