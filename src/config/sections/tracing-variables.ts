import { section, type Variable } from '../setting/variable.ts'
import { collectorProblem } from './tracing.ts'

/** A variable that adds to a section `tracing` which the file or an endpoint has made. */
function addition(name: string, setting: string, more: Partial<Variable> = {}): Variable {
  return {
    name,
    about: `\`tracing.${setting}\`. Without effect if tracing is off.`,
    within: 'tracing',
    apply(value, root) {
      section(root, 'tracing')[setting] = value
    },
    ...more,
  }
}

/** Pairs as OpenTelemetry writes them: `name=value,name=value`, with values as in URLs; undefined if malformed. */
function readPairs(text: string): Record<string, string> | undefined {
  try {
    const pairs = text
      .split(',')
      .filter((pair) => pair.trim() !== '')
      .map((pair): [string, string] => {
        const at = pair.indexOf('=')
        if (at <= 0) throw new URIError('no name')
        return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())]
      })
    return Object.fromEntries(pairs)
  } catch {
    return undefined
  }
}

const pairs = (name: string, setting: string) =>
  addition(name, setting, {
    about: `\`tracing.${setting}\`, as \`name=value,name=value\` with values encoded as in URLs. Without effect if tracing is off.`,
    problem: (value) => (readPairs(value) ? undefined : 'must be name=value,name=value'),
    apply(value, root) {
      const tracing = section(root, 'tracing')
      tracing[setting] = { ...section(tracing, setting), ...readPairs(value) }
    },
  })

/**
 * The variables of OpenTelemetry that the gateway knows.
 * Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
 */
export const tracingVariables: readonly Variable[] = [
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    about:
      '`tracing.endpoint` without `/v1/traces`, which is added: the collector for OTLP over HTTP, usually port 4318.',
    gives: 'tracing.endpoint',
    problem: collectorProblem,
    apply(value, root) {
      section(root, 'tracing')['endpoint'] = `${value.replace(/\/+$/, '')}/v1/traces`
    },
  },
  {
    name: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    about: '`tracing.endpoint`.',
    gives: 'tracing.endpoint',
    problem: collectorProblem,
    apply(value, root) {
      section(root, 'tracing')['endpoint'] = value
    },
  },
  pairs('OTEL_EXPORTER_OTLP_HEADERS', 'headers'),
  addition('OTEL_SERVICE_NAME', 'serviceName'),
  pairs('OTEL_RESOURCE_ATTRIBUTES', 'resourceAttributes'),
  addition('OTEL_TRACES_SAMPLER_ARG', 'sampleRatio', {
    problem: (value) => (/^(0|1|0?\.\d+|[01]\.0*)$/.test(value) ? undefined : 'must be a number from 0 to 1'),
    apply(value, root) {
      section(root, 'tracing')['sampleRatio'] = Number(value)
    },
  }),
]
