import type { Estimate } from '../../api/answers.ts'
import { formatBytes, formatCount, formatUsd } from '../../format/figures.ts'

const trust: Readonly<Record<string, string>> = {
  unknown: 'the source cannot tell',
  estimated: 'from statistics, may be far off',
  lower_bound: 'at least',
  upper_bound: 'at most',
  exact: 'exact',
}

interface EstimatePanelProps {
  readonly estimate: Estimate
  /** Puts another text into the box. */
  readonly onUse: (query: string) => void
}

/** What a statement would read and cost, and what would make it cheaper. */
export function EstimatePanel({ estimate, onUse }: EstimatePanelProps) {
  const { advice } = estimate
  const ruleMessages = new Set(advice.map(({ message }) => message))
  const others = estimate.suggestions.filter((suggestion) => !ruleMessages.has(suggestion))
  return (
    <section class="estimate" aria-label="Estimate">
      {estimate.refusal !== null && (
        <p class="note bad" role="alert">
          The gateway would refuse the statement: {estimate.refusal}
        </p>
      )}
      <dl>
        <Figure name="Source" value={estimate.data_source ?? 'several'} />
        <Figure name="Reads" value={formatBytes(estimate.bytes)} />
        <Figure name="Rows" value={formatCount(estimate.rows)} />
        {estimate.billable_bytes !== null && <Figure name="Billed" value={formatBytes(estimate.billable_bytes)} />}
        {estimate.cost_usd !== null && <Figure name="Cost" value={formatUsd(estimate.cost_usd)} />}
        <Figure name="Accuracy" value={trust[estimate.accuracy] ?? estimate.accuracy} />
        {estimate.referenced_tables.length > 0 && (
          <Figure name="Tables" value={estimate.referenced_tables.join(', ')} />
        )}
      </dl>
      {estimate.external_costs.map((sentence) => (
        <p key={sentence} class="note warn">
          {sentence}
        </p>
      ))}
      {advice.length + others.length > 0 && (
        <ul class="advice">
          {advice.map(({ rule, message, rewritten_query }) => (
            <li key={`${rule} ${message}`}>
              {message}
              {rewritten_query !== null && (
                <button type="button" class="small" onClick={() => onUse(rewritten_query)}>
                  Use the rewritten statement
                </button>
              )}
            </li>
          ))}
          {others.map((suggestion) => (
            <li key={suggestion}>{suggestion}</li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Figure({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
