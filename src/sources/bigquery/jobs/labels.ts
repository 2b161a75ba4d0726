import { readTraceParent } from '../../../query/tracing/trace-parent.ts'
import type { Context, Query } from '../../../query/types.ts'
import type { BigQueryConfig } from '../settings.ts'

/** Name of the label with the id of the ledger's reservation. */
export const CHARGE_LABEL = 'flightgate_charge'
const MAX_LENGTH = 63

/**
 * Labels of a job: who asked, through which gateway, for which request, in which trace, the client's own, and those of the settings. They are in the billing export.
 * Rules: at most 64 labels; a-z, 0-9, _ and -, at most 63 characters (https://cloud.google.com/bigquery/docs/labels-intro).
 */
export function jobLabels(
  source: string,
  config: Pick<BigQueryConfig, 'labels'>,
  { session: { label } }: Pick<Query, 'session'>,
  ctx: Context,
): Record<string, string> {
  return {
    ...config.labels,
    gateway: 'flightgate',
    flightgate_source: labelValue(source),
    flightgate_principal: labelValue(ctx.principal.name),
    flightgate_request: labelValue(ctx.requestId),
    ...traceLabel(ctx),
    ...(label !== undefined && { flightgate_label: label }),
    ...(ctx.charge && { [CHARGE_LABEL]: labelValue(ctx.charge.id) }),
  }
}

/** The trace of the statement: the gateway's span, else that of the client. */
function traceLabel({ span, metadata }: Context): Record<string, string> {
  const text = span?.traceParent ?? readTraceParent(metadata?.['traceparent'])?.text
  return text === undefined ? {} : { traceparent: labelValue(text) }
}

/** A text as the value of a label: in lower case, other characters as `_`. */
function labelValue(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '_')
    .slice(0, MAX_LENGTH)
}
