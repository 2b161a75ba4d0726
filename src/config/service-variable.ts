const address = /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/
const url = /^(tcp|udp|sctp):\/\//

/**
 * Whether Kubernetes (or Docker's links) made a variable for a service of the same namespace: a Service that is called
 * `flightgate` or `dremio` gives every pod `FLIGHTGATE_SERVICE_HOST` and `DREMIO_PORT=tcp://10.0.0.1:32010`, which nobody
 * meant as a setting. A plain number in `DREMIO_PORT` is one.
 * Source: https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables.
 */
export function isServiceVariable(name: string, value: string): boolean {
  return address.test(name) || (name.endsWith('_PORT') && url.test(value))
}
