import type { AddressInfo } from 'node:net'
import type { Config } from '../../config/config.ts'
import type { ListenAddress } from '../../config/listen.ts'
import type { GrpcServer } from '../../grpc/server/server.ts'
import { startError } from '../start-error.ts'
import type { PeerAddress } from './replica-directory.ts'

const everywhere = new Set(['0.0.0.0', '::'])
const LOOPBACK = '127.0.0.1'

/**
 * Opens the port for calls of other replicas, if there is one, and returns where they reach this process. Workers of a machine
 * share the Flight port, so each has one of its own: by default on a free port of the loopback interface, else on the configured
 * port and those after it.
 * @param flight where the Flight port listens
 * @param worker number of this worker, from 1 on; undefined if there is only one process
 * @returns undefined if other replicas do not reach this process
 * @throws StartError
 */
export async function listenForPeers(
  { replica, tls }: Pick<Config, 'replica' | 'tls'>,
  grpc: GrpcServer,
  flight: AddressInfo,
  worker: number | undefined,
): Promise<PeerAddress | undefined> {
  if (worker !== undefined && !replica?.listen) {
    const { port } = await grpc.listen(LOOPBACK, 0, { isPlain: true, exclusive: true })
    return { host: LOOPBACK, port, tls: false }
  }
  if (!replica) return undefined
  const { listen, address } = replica
  const own = ({ port }: ListenAddress) => (port === 0 ? 0 : port + (worker ?? 1) - 1)
  const bound = listen
    ? await grpc.listen(listen.host, own(listen), { exclusive: true }).catch((error: unknown) => {
        throw startError(`replica.listen (${listen.host}:${own(listen)})`, error)
      })
    : flight
  const shown: ListenAddress = address ?? { host: listen?.host ?? flight.address, port: 0 }
  if (everywhere.has(shown.host))
    throw startError('replica.address', new Error(`${shown.host} is no address of a machine: set the one others reach`))
  return { host: shown.host, port: own(shown) || bound.port, tls: tls !== undefined }
}
