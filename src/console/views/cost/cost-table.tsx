import { useId } from 'preact/hooks'
import type { CostRow } from '../../api/history-answers.ts'
import { formatBytes, formatCount, formatUsd } from '../../format/figures.ts'
import { Scroll } from '../../parts/scroll.tsx'

interface CostTableProps {
  readonly title: string
  /** Heading of the names. */
  readonly name: string
  readonly rows: readonly CostRow[]
}

/** What statements have cost by a name, the most expensive first. */
export function CostTable({ title, name, rows }: CostTableProps) {
  const id = useId()
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <Scroll label={`Cost ${title.toLowerCase()}`}>
        <table>
          <caption>Cost {title.toLowerCase()}</caption>
          <thead>
            <tr>
              <th scope="col">{name}</th>
              <th scope="col" class="figure">
                Cost
              </th>
              <th scope="col" class="figure">
                Statements
              </th>
              <th scope="col" class="figure">
                Bytes billed
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.length === 0 && (
              <tr class="empty">
                <td colSpan={4}>Nothing was billed.</td>
              </tr>
            )}
            {rows.map((row) => (
              <tr key={row.name}>
                <th scope="row">{row.name === '' ? <span class="faint">without</span> : row.name}</th>
                <td class="figure">
                  <data value={row.cost_usd}>{formatUsd(row.cost_usd)}</data>
                </td>
                <td class="figure">{formatCount(row.statements)}</td>
                <td class="figure">{formatBytes(row.billed_bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  )
}
