const address = /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/
const url = /^(tcp|udp|sctp):\/\//

/**
 * Whether Kubernetes (or Docker's links) set a variable for a service of the same namespace. A Service named `flightgate` or
 * `dremio` sets `FLIGHTGATE_SERVICE_HOST` and `DREMIO_PORT=tcp://10.0.0.1:32010` in every pod. These are no settings; a number
 * in `DREMIO_PORT` is one.
 * Source: https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables.
 */
export function isServiceVariable(name: string, value: string): boolean {
  return address.test(name) || (name.endsWith('_PORT') && url.test(value))
}
