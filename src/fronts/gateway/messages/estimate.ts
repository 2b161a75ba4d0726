import {
  type Advice as AdviceMessage,
  EstimateAccuracy,
  type Estimate as EstimateMessage,
  type FreeTier as FreeTierMessage,
  type Price as PriceMessage,
  PriceModel,
} from '../../../../gen/flightgate/v1/gateway_service.ts'
import { encapsulate } from '../../../arrow/ipc/ipc.ts'
import type { Advice, Estimate, FreeTier, Price } from '../../../query/estimate.ts'
import { whole } from './whole.ts'

const accuracies = {
  unknown: EstimateAccuracy.ESTIMATE_ACCURACY_UNKNOWN,
  estimated: EstimateAccuracy.ESTIMATE_ACCURACY_ESTIMATED,
  lower_bound: EstimateAccuracy.ESTIMATE_ACCURACY_LOWER_BOUND,
  upper_bound: EstimateAccuracy.ESTIMATE_ACCURACY_UPPER_BOUND,
  exact: EstimateAccuracy.ESTIMATE_ACCURACY_EXACT,
} as const

const models = {
  on_demand: PriceModel.PRICE_MODEL_ON_DEMAND,
  edition: PriceModel.PRICE_MODEL_EDITION,
} as const

const none = new Uint8Array(0)

/**
 * The message of an estimate.
 * @param source its name; empty for the total of several
 * @param schema flatbuffer `Message` with the schema of the result, if the answer has it nowhere else
 */
export function estimateMessage(source: string, estimate: Estimate, schema: Uint8Array = none): EstimateMessage {
  const { accuracy, bytes, rows, costUsd, billableBytes, slotMs, price, statementType = '', refusal = '' } = estimate
  const { referencedTables = [], suggestions = [], externalCosts = [], advice = [] } = estimate
  return {
    dataSource: source,
    bytes: whole(bytes),
    rows: whole(rows),
    costUsd,
    accuracy: accuracies[accuracy],
    referencedTables: [...referencedTables],
    suggestions: [...suggestions],
    billableBytes: whole(billableBytes),
    slotMs: whole(slotMs),
    price: price && priceMessage(price),
    externalCosts: [...externalCosts],
    statementType,
    advice: advice.map(adviceMessage),
    refusal,
    schema: schema.byteLength > 0 ? encapsulate(schema) : none,
  }
}

function priceMessage({
  model,
  edition = '',
  checkedOn = '',
  isAssumed = false,
  freeTier,
  ...price
}: Price): PriceMessage {
  const { region, usdPerTib, usdPerSlotHour } = price
  return {
    model: models[model],
    region,
    usdPerTib,
    usdPerSlotHour,
    edition,
    checkedOn,
    freeTier: freeTier && freeTierMessage(freeTier),
    isAssumed,
  }
}

function freeTierMessage({ bytesPerMonth, ownBytesPerMonth, ownBytesLeft }: FreeTier): FreeTierMessage {
  return {
    bytesPerMonth: BigInt(bytesPerMonth),
    ownBytesPerMonth: BigInt(ownBytesPerMonth),
    ownBytesLeft: whole(ownBytesLeft),
  }
}

function adviceMessage({
  rule,
  message,
  rewrittenQuery = '',
  billableBytes,
  savedBytes,
  savedUsd,
}: Advice): AdviceMessage {
  return {
    rule,
    message,
    rewrittenQuery,
    billableBytes: whole(billableBytes),
    savedBytes: whole(savedBytes),
    savedUsd,
  }
}
