import type { Costs } from '../../api/history-answers.ts'
import { formatBytes, formatCount, formatUsd } from '../../format/figures.ts'
import { Scroll } from '../../parts/scroll.tsx'
import { StatementText } from '../../parts/statement-text.tsx'

/** The statements that have cost most. Their texts are known only if the log holds texts. */
export function TopStatements({ statements }: { readonly statements: Costs['top_statements'] }) {
  return (
    <Scroll label="Most expensive statements">
      <table>
        <caption>Most expensive statements</caption>
        <thead>
          <tr>
            <th scope="col" class="wide">
              Statement
            </th>
            <th scope="col">Principal</th>
            <th scope="col">Source</th>
            <th scope="col" class="figure">
              Runs
            </th>
            <th scope="col" class="figure">
              Cost
            </th>
            <th scope="col" class="figure">
              Bytes billed
            </th>
          </tr>
        </thead>
        <tbody>
          {statements.length === 0 && (
            <tr class="empty">
              <td colSpan={6}>Nothing was billed.</td>
            </tr>
          )}
          {statements.map((each) => (
            <tr key={`${each.statement_hash}/${each.principal}/${each.data_source}`}>
              <td class="wide">
                {each.text === null ? (
                  <span class="mono faint" title="The log holds hashes only (log.statements)">
                    {each.statement_hash.slice(0, 24)}
                  </span>
                ) : (
                  <StatementText
                    text={each.text}
                    facts={[
                      ['Principal', each.principal],
                      ['Source', each.data_source],
                      ['Hash', each.statement_hash],
                    ]}
                  />
                )}
              </td>
              <td>{each.principal}</td>
              <td>{each.data_source}</td>
              <td class="figure">{formatCount(each.runs)}</td>
              <td class="figure">
                <data value={each.cost_usd}>{formatUsd(each.cost_usd)}</data>
              </td>
              <td class="figure">{formatBytes(each.billed_bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}
