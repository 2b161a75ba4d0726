import {
  type Advice,
  type Estimate,
  EstimateAccuracy,
  type Price,
  PriceModel,
} from '../../../gen/flightgate/v1/gateway_service.ts'
import { ArrowError } from '../../arrow/errors.ts'
import { readStream } from '../../arrow/ipc/ipc.ts'
import { columnsOfSchema, type TextColumn } from '../../arrow/text/row-encoder.ts'

const accuracies: Readonly<Partial<Record<EstimateAccuracy, string>>> = {
  [EstimateAccuracy.ESTIMATE_ACCURACY_ESTIMATED]: 'estimated',
  [EstimateAccuracy.ESTIMATE_ACCURACY_LOWER_BOUND]: 'lower_bound',
  [EstimateAccuracy.ESTIMATE_ACCURACY_UPPER_BOUND]: 'upper_bound',
  [EstimateAccuracy.ESTIMATE_ACCURACY_EXACT]: 'exact',
}

/** An estimate as JSON, as the HTTP API writes it: null for what is not known. */
export type EstimateJson = ReturnType<typeof estimateJson>

/** The JSON of an estimate. */
export function estimateJson(estimate: Estimate) {
  const { price } = estimate
  return {
    data_source: estimate.dataSource,
    bytes: numberOf(estimate.bytes),
    rows: numberOf(estimate.rows),
    billable_bytes: numberOf(estimate.billableBytes),
    cost_usd: estimate.costUsd ?? null,
    slot_ms: numberOf(estimate.slotMs),
    price: price ? priceJson(price) : null,
    external_costs: estimate.externalCosts,
    statement_type: textOf(estimate.statementType),
    accuracy: accuracies[estimate.accuracy] ?? 'unknown',
    referenced_tables: estimate.referencedTables,
    suggestions: estimate.suggestions,
    advice: estimate.advice.map(adviceJson),
    refusal: textOf(estimate.refusal),
    columns: columnsOf(estimate.schema),
  }
}

function priceJson({ model, region, usdPerTib, usdPerSlotHour, edition, checkedOn, isAssumed, freeTier }: Price) {
  return {
    model: model === PriceModel.PRICE_MODEL_EDITION ? 'edition' : 'on_demand',
    region,
    usd_per_tib: usdPerTib ?? null,
    usd_per_slot_hour: usdPerSlotHour ?? null,
    edition: textOf(edition),
    checked_on: textOf(checkedOn),
    is_assumed: isAssumed,
    free_tier: freeTier
      ? {
          bytes_per_month: Number(freeTier.bytesPerMonth),
          own_bytes_per_month: Number(freeTier.ownBytesPerMonth),
          own_bytes_left: numberOf(freeTier.ownBytesLeft),
        }
      : null,
  }
}

function adviceJson({ rule, message, rewrittenQuery, billableBytes, savedBytes, savedUsd }: Advice) {
  return {
    rule,
    message,
    rewritten_query: textOf(rewrittenQuery),
    billable_bytes: numberOf(billableBytes),
    saved_bytes: numberOf(savedBytes),
    saved_usd: savedUsd ?? null,
  }
}

/** The columns of the result; null if they are not known, and if a type has no name. */
function columnsOf(schema: Uint8Array): readonly TextColumn[] | null {
  if (schema.byteLength === 0) return null
  try {
    const [message] = readStream(schema)
    return message ? columnsOfSchema(message.header) : null
  } catch (error) {
    if (error instanceof ArrowError) return null
    throw error
  }
}

const numberOf = (figure: bigint | undefined) => (figure === undefined ? null : Number(figure))
const textOf = (text: string) => (text === '' ? null : text)
