/** A query of a panel. */
export interface Target {
  /** PromQL; `$sel` stands for the selectors of the variables job and instance. */
  readonly expr: string
  readonly legend: string
}

/** A panel of a dashboard. */
export interface Panel {
  readonly kind?: 'timeseries' | 'stat' | 'bargauge' | 'table'
  readonly title: string
  readonly description: string
  /** A unit of Grafana, such as `s`, `bytes`, `reqps` or `percentunit`. */
  readonly unit: string
  readonly targets: readonly Target[]
  /** Values from which the panel is yellow, and red. */
  readonly thresholds?: readonly [warning: number, critical: number]
  /** Red and yellow are below these values. */
  readonly lowIsBad?: true
  readonly stack?: true
  /** Shows the traces of single statements beside the curves. */
  readonly exemplars?: true
  /** The alert whose section of the runbook the panel links to. */
  readonly alert?: string
}

/** Panels under a heading. */
export interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

/** A dashboard, before it is laid out. */
export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly description: string
  /** Variables besides data source, job and instance, by name: the metric and label that list their values. */
  readonly variables: Readonly<Record<string, { readonly label: string; readonly metric: string }>>
  readonly rows: readonly Row[]
}

const WIDTH = 24
const SELECTORS = 'job=~"$job", instance=~"$instance"'
const datasource = { type: 'prometheus', uid: '$datasource' }

/** Lays out a dashboard as the JSON that Grafana imports. */
export function grafanaJson({ uid, title, description, variables, rows }: Dashboard): object {
  let y = 0
  let id = 0
  const panels: object[] = []
  for (const row of rows) {
    panels.push({ id: ++id, type: 'row', title: row.title, collapsed: false, gridPos: { x: 0, y, w: WIDTH, h: 1 } })
    y++
    const stats = row.panels.every(({ kind }) => kind === 'stat')
    const perLine = stats
      ? Math.min(6, row.panels.length)
      : row.panels.length % 2 === 0
        ? 2
        : Math.min(3, row.panels.length)
    const [w, h] = [WIDTH / perLine, stats ? 4 : 8]
    for (const [i, panel] of row.panels.entries()) {
      const gridPos = { x: (i % perLine) * w, y: y + Math.floor(i / perLine) * h, w, h }
      panels.push(panelJson(++id, panel, gridPos))
    }
    y += Math.ceil(row.panels.length / perLine) * h
  }
  return {
    uid,
    title,
    description,
    tags: ['flightgate'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    links: [
      {
        type: 'dashboards',
        title: 'flightgate',
        tags: ['flightgate'],
        asDropdown: true,
        includeVars: true,
        keepTime: true,
      },
      { type: 'link', title: 'Runbook', url: '$runbook', icon: 'doc', targetBlank: true },
    ],
    annotations: {
      list: [
        {
          name: 'Alerts',
          datasource,
          enable: true,
          iconColor: 'red',
          expr: 'ALERTS{alertname=~"Flightgate.*", alertstate="firing", job=~"$job"}',
          titleFormat: '{{alertname}}',
          textFormat: '{{source}}{{account}}{{instance}}',
          step: '60s',
        },
      ],
    },
    templating: { list: variablesJson(variables) },
    panels,
  }
}

function variablesJson(variables: Dashboard['variables']): object[] {
  const query = (name: string, text: string) => ({
    name,
    label: name,
    type: 'query',
    datasource,
    query: { query: text, refId: name },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  })
  return [
    { name: 'datasource', label: 'data source', type: 'datasource', query: 'prometheus', current: {} },
    query('job', 'label_values(flightgate_ready, job)'),
    query('instance', 'label_values(flightgate_ready{job=~"$job"}, instance)'),
    ...Object.entries(variables).map(([name, { metric, label }]) =>
      query(name, `label_values(${metric}{${SELECTORS}}, ${label})`),
    ),
    { name: 'runbook', label: 'runbook', type: 'constant', query: 'docs/runbook.md', hide: 2 },
  ]
}

function panelJson(id: number, panel: Panel, gridPos: object): object {
  const {
    kind = 'timeseries',
    title,
    description,
    unit,
    targets,
    thresholds,
    lowIsBad,
    stack,
    exemplars,
    alert,
  } = panel
  const colors = lowIsBad ? ['red', 'yellow', 'green'] : ['green', 'yellow', 'red']
  const steps = [null, ...(thresholds ?? [])].map((value, i) => ({ color: colors[i], value }))
  const isInstant = kind !== 'timeseries'
  return {
    id,
    type: kind,
    title,
    description,
    datasource,
    gridPos,
    targets: targets.map(({ expr, legend }, i) => ({
      refId: String.fromCharCode(65 + i),
      datasource,
      expr: expr.replaceAll('$sel', SELECTORS),
      legendFormat: legend,
      ...(isInstant ? { instant: true, format: kind === 'table' ? 'table' : 'time_series' } : { range: true }),
      ...(exemplars && { exemplar: true }),
    })),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        thresholds: { mode: 'absolute', steps: thresholds || !isInstant ? steps : [{ color: 'blue', value: null }] },
        ...(kind === 'timeseries' && {
          custom: {
            lineWidth: 1,
            fillOpacity: stack ? 30 : 10,
            showPoints: 'never',
            stacking: { mode: stack ? 'normal' : 'none' },
            thresholdsStyle: { mode: thresholds ? 'dashed' : 'off' },
          },
        }),
      },
      overrides: [],
    },
    options: optionsOf(kind),
    ...(alert && {
      links: [{ title: `What to do: ${alert}`, url: `$runbook#${alert.toLowerCase()}`, targetBlank: true }],
    }),
  }
}

function optionsOf(kind: NonNullable<Panel['kind']>): object {
  const reduceOptions = { calcs: ['lastNotNull'], values: false, fields: '' }
  switch (kind) {
    case 'timeseries':
      return {
        legend: { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'], showLegend: true },
        tooltip: { mode: 'multi', sort: 'desc' },
      }
    case 'stat':
      return { reduceOptions, colorMode: 'background', graphMode: 'none', textMode: 'auto' }
    case 'bargauge':
      return { reduceOptions, orientation: 'horizontal', displayMode: 'gradient' }
    case 'table':
      return { showHeader: true, sortBy: [{ displayName: 'Value', desc: true }] }
  }
}
