import {
  CloseSessionResult,
  CloseSessionResult_Status,
  SetSessionOptionsResult_ErrorValue as ErrorValue,
  GetSessionOptionsResult,
  type SessionOptionValue,
  SetSessionOptionsRequest,
  SetSessionOptionsResult,
  type SetSessionOptionsResult_Error,
} from '../../../../gen/arrow/flight/protocol/Flight.ts'
import type { GrpcCall } from '../../../grpc/server/call.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import { readableCatalog } from '../../../query/access/readable-catalog.ts'
import type { Context } from '../../../query/types.ts'
import { bytesCapOf, costCapOf, isBytesCap, isCostCap, labelOf } from '../../../statements/cost-caps.ts'
import { SOURCE_HEADER } from '../../../statements/option-headers.ts'
import type { StoredSession } from '../../../statements/sessions.ts'
import { scopeOf } from '../../grpc/call-scope.ts'
import type { FlightFront } from '../front.ts'
import type { FlightAction } from './action.ts'
import { cacheOptions, cacheOptionValues } from './cache-options.ts'
import {
  type CheckedOption,
  numberOf,
  type OptionValue,
  textValue,
  wholeValue,
  wrongValue as wrong,
} from './session-option.ts'

const MAX_TIMEOUT_MS = 86_400_000

type CheckOption = (value: OptionValue, front: FlightFront, ctx: Context) => CheckedOption | Promise<CheckedOption>

/** Validates each session option and maps it to the stored session. An unset value removes the option. */
const options: Readonly<Record<string, CheckOption>> = {
  ...cacheOptions,
  async catalog(value, front, ctx) {
    if (value === undefined) return { unset: 'catalog' }
    if (value.$case !== 'stringValue') return wrong
    const chosen = await front.router.names.chosen(value.value, ctx)
    return chosen ? { set: { catalog: chosen.catalog, catalogSource: chosen.source.name } } : wrong
  },
  async schema(value) {
    if (value === undefined) return { unset: 'schema' }
    return value.$case === 'stringValue' && value.value !== '' ? { set: { schema: value.value } } : wrong
  },
  async source(value, front, ctx) {
    if (value === undefined) return { unset: 'source' }
    if (value.$case !== 'stringValue') return wrong
    const found = front.router
      .visibleTo(ctx.principal)
      .find(({ name }) => name.toLowerCase() === value.value.toLowerCase())
    return found ? { set: { source: found.name } } : wrong
  },
  async cache(value) {
    if (value === undefined) return { unset: 'cache' }
    return value.$case === 'boolValue' ? { set: { cache: value.value } } : wrong
  },
  async lossless_types(value) {
    if (value === undefined) return { unset: 'losslessTypes' }
    return value.$case === 'boolValue' ? { set: { losslessTypes: value.value } } : wrong
  },
  async max_cost_usd(value) {
    if (value === undefined) return { unset: 'maxCostUsd' }
    const maxCostUsd = value.$case === 'stringValue' ? costCapOf(value.value) : numberOf(value)
    return maxCostUsd !== undefined && isCostCap(maxCostUsd) ? { set: { maxCostUsd } } : wrong
  },
  async max_bytes_billed(value) {
    if (value === undefined) return { unset: 'maxBilledBytes' }
    const maxBilledBytes = value.$case === 'stringValue' ? bytesCapOf(value.value) : numberOf(value)
    return maxBilledBytes !== undefined && isBytesCap(maxBilledBytes) ? { set: { maxBilledBytes } } : wrong
  },
  async label(value) {
    if (value === undefined) return { unset: 'label' }
    const label = value.$case === 'stringValue' ? labelOf(value.value) : undefined
    return label === undefined ? wrong : { set: { label } }
  },
  async timeout(value) {
    if (value === undefined) return { unset: 'timeoutMs' }
    const timeoutMs =
      value.$case === 'boolValue' || value.$case === 'stringListValue' ? Number.NaN : Number(value.value)
    return timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS ? { set: { timeoutMs } } : wrong
  },
}

/** Whether the call's source has the session's schema and lets sessions select it. */
async function hasSchema(front: FlightFront, call: GrpcCall, ctx: Context, session: StoredSession): Promise<boolean> {
  const named = call.header(SOURCE_HEADER) ?? session.source ?? session.catalogSource
  const source = front.router.route(named, session, ctx.principal)
  return (await readableCatalog(source, ctx.principal).hasSchema?.(session.schema!, ctx)) ?? false
}

function withoutCatalogSource({ catalogSource: _, ...rest }: StoredSession): StoredSession {
  return rest
}

/**
 * The actions of sessions. Options: `catalog`, `schema`, `source`, `timeout` (milliseconds), `cache` (false disables cached
 * plans), `lossless_types` (see `SessionOptions.losslessTypes`), `max_cost_usd` and `max_bytes_billed` (what a statement may cost,
 * see `CostCaps`), `label` (under which they count), and those of the result cache (`cacheOptions`). Bodies are bare messages.
 * Source: https://arrow.apache.org/docs/format/Flight.html (SetSessionOptions, GetSessionOptions, CloseSession).
 */
export const sessionActions: readonly FlightAction[] = [
  {
    type: 'SetSessionOptions',
    description:
      'Sets options of the session: catalog, schema, source, timeout (ms), cache, lossless_types, max_cost_usd, max_bytes_billed, label, cache_control, cache_key, cache_tags, cache_ttl_ms. Body: SetSessionOptionsRequest.',
    async handle(front, body, ctx, call) {
      const { sessionOptions } = decodeMessage(SetSessionOptionsRequest, body)
      let session = await front.sessions.read(call, ctx)
      const errors: Record<string, SetSessionOptionsResult_Error> = {}
      for (const [name, { optionValue }] of Object.entries(sessionOptions)) {
        const check = Object.hasOwn(options, name) ? options[name]! : undefined
        const checked: CheckedOption = check ? await check(optionValue, front, ctx) : { error: ErrorValue.INVALID_NAME }
        if ('set' in checked) session = { ...session, ...checked.set }
        else if ('change' in checked) session = checked.change(session)
        else if ('unset' in checked) {
          const { [checked.unset]: _, ...rest } = session
          session = checked.unset === 'catalog' ? withoutCatalogSource(rest) : rest
        } else errors[name] = { value: checked.error }
      }
      if (sessionOptions['schema'] && session.schema !== undefined && !(await hasSchema(front, call, ctx, session))) {
        const { schema: _, ...rest } = session
        session = rest
        errors['schema'] = { value: ErrorValue.INVALID_VALUE }
      }
      await front.sessions.write(call, ctx, session)
      return SetSessionOptionsResult.encode({ errors }).finish()
    },
  },
  {
    type: 'GetSessionOptions',
    description:
      'Returns the options of the session, with the default catalog and schema of the source where none is set. Body: GetSessionOptionsRequest; result: GetSessionOptionsResult.',
    async handle(front, _body, ctx, call) {
      const { source, timeoutMs, cache, losslessTypes, maxCostUsd, maxBilledBytes, label, cacheControl, ...chosen } =
        await front.sessions.read(call, ctx)
      const { current } = front.statements.queries.route(await scopeOf(front, call, ctx)).source.catalog
      const { catalog = current?.catalog, schema = current?.schema } = chosen
      const flag = (value: boolean): SessionOptionValue => ({ optionValue: { $case: 'boolValue', value } })
      return GetSessionOptionsResult.encode({
        sessionOptions: {
          ...(catalog !== undefined && { catalog: textValue(catalog) }),
          ...(schema !== undefined && { schema: textValue(schema) }),
          ...(source !== undefined && { source: textValue(source) }),
          ...(cache !== undefined && { cache: flag(cache) }),
          ...(losslessTypes !== undefined && { lossless_types: flag(losslessTypes) }),
          ...(maxCostUsd !== undefined && {
            max_cost_usd: { optionValue: { $case: 'doubleValue', value: maxCostUsd } },
          }),
          ...(maxBilledBytes !== undefined && {
            max_bytes_billed: wholeValue(maxBilledBytes),
          }),
          ...(label !== undefined && { label: textValue(label) }),
          ...(timeoutMs !== undefined && {
            timeout: wholeValue(timeoutMs),
          }),
          ...cacheOptionValues(cacheControl),
        },
      }).finish()
    },
  },
  {
    type: 'CloseSession',
    description: 'Ends the session. Body: CloseSessionRequest; result: CloseSessionResult.',
    async handle(front, _body, ctx, call) {
      const id = front.sessions.idOf(call)
      if (id !== undefined) await front.endTransactions(id, ctx)
      const closed = await front.sessions.close(call, ctx)
      const { CLOSED, NOT_CLOSEABLE } = CloseSessionResult_Status
      return CloseSessionResult.encode({ status: closed ? CLOSED : NOT_CLOSEABLE }).finish()
    },
  },
]
