import {
  BreakerMode,
  BreakerState,
  type Endpoint,
  HealthState,
  type Source as SourceMessage,
} from '../../../../gen/flightgate/v1/gateway_service.ts'
import type { SourceSummary } from '../../../query/control/source-status.ts'
import type { EndpointStatus } from '../../../query/source.ts'
import { timestampOf } from '../../grpc/timestamp.ts'

const healthStates = {
  unknown: HealthState.HEALTH_STATE_UNKNOWN,
  up: HealthState.HEALTH_STATE_UP,
  down: HealthState.HEALTH_STATE_DOWN,
} as const

const breakerStates = {
  closed: BreakerState.BREAKER_STATE_CLOSED,
  open: BreakerState.BREAKER_STATE_OPEN,
  'half-open': BreakerState.BREAKER_STATE_HALF_OPEN,
} as const

const breakerModes = {
  automatic: BreakerMode.BREAKER_MODE_AUTOMATIC,
  open: BreakerMode.BREAKER_MODE_OPEN,
  closed: BreakerMode.BREAKER_MODE_CLOSED,
} as const

/** The message of a source. */
export function sourceMessage({ name, kind, writes, isDefault, health, isDraining }: SourceSummary): SourceMessage {
  return {
    name,
    kind,
    writes,
    default: isDefault,
    health: healthStates[health.state],
    healthSince: health.since === undefined ? undefined : timestampOf(health.since),
    draining: isDraining,
  }
}

/** The message of a server of a source. */
export function endpointMessage({ breaker, breakerMode, ...endpoint }: EndpointStatus): Endpoint {
  return { ...endpoint, breaker: breakerStates[breaker], breakerMode: breakerModes[breakerMode] }
}
