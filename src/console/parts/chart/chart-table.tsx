import { useSignal } from '@preact/signals'
import type { ChartProps } from './chart-props.ts'

/** The figures of a chart as a table, the newest first. It is made when somebody opens it. */
export function ChartTable({ title, times, series, format, formatPoint, isDaily }: ChartProps) {
  const isOpen = useSignal(false)
  return (
    <details
      class="chart-table"
      onToggle={({ currentTarget }) => {
        isOpen.value = currentTarget.open
      }}
    >
      <summary>
        Table<span class="hidden"> of {title}</span>
      </summary>
      {isOpen.value && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the table scrolls, also by keyboard.
        <div class="scroll short" tabIndex={0}>
          <table>
            <caption>{title}</caption>
            <thead>
              <tr>
                <th scope="col">{isDaily ? 'Day' : 'Time'}</th>
                {series.map(({ label }) => (
                  <th key={label} scope="col" class="figure">
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {times
                .map((seconds, i) => (
                  <tr key={seconds}>
                    <th scope="row" class="time">
                      {formatPoint(seconds)}
                    </th>
                    {series.map(({ label, values }) => {
                      const value = values[i]
                      return (
                        <td key={label} class="figure">
                          {value === null || value === undefined ? '–' : format(value)}
                        </td>
                      )
                    })}
                  </tr>
                ))
                .reverse()}
            </tbody>
          </table>
        </div>
      )}
    </details>
  )
}
