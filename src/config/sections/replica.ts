import { z } from 'zod'
import { optionalListenAddress } from '../listen.ts'
import { pemFile } from '../setting/pem-file.ts'

const FLIGHT_PORT = 'Flight port'

/** Schema of `replica`. */
export const replicaSchema = z.strictObject({
  address: optionalListenAddress(
    `Address on which the other replicas reach this one, such as \`10.0.0.10:32010\`. Without \`listen\` it has to be that of the ${FLIGHT_PORT}. Port 0 stands for the port that the gateway got. Default: that of \`listen\`.`,
  ),
  listen: optionalListenAddress(
    `Address of a port of its own for calls of other replicas, with the protocol and the TLS of the ${FLIGHT_PORT}.`,
  ),
  ca: pemFile(
    'PEM file with the certificate authorities of the other replicas, if `tls` is set; by default those of Node.',
  ).optional(),
  serverName: z
    .string()
    .min(1)
    .optional()
    .describe('Name in the certificates of the other replicas, if it is not the host of their address.'),
})
