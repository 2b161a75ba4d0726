import * as grpc from '@grpc/grpc-js'
import { BasicAuth, HandshakeRequest, HandshakeResponse } from '../../../gen/arrow/flight/protocol/Flight.ts'

/**
 * Logs in by Handshake, with the credentials both as header and as BasicAuth message, because servers read one or the other.
 * Source: https://arrow.apache.org/docs/format/Flight.html#authentication.
 * @param metadata of the calls, including the Basic header
 * @returns metadata for later calls; undefined when the server does not implement Handshake or grants no token
 * @throws grpc.ServiceError when the server rejects the login
 */
export function handshake(
  client: grpc.Client,
  metadata: grpc.Metadata,
  { user, password }: { readonly user: string; readonly password: string },
  deadline: number,
): Promise<grpc.Metadata | undefined> {
  return new Promise((resolve, reject) => {
    const call = client.makeBidiStreamRequest(
      '/arrow.flight.protocol.FlightService/Handshake',
      (message: HandshakeRequest) => Buffer.from(HandshakeRequest.encode(message).finish()),
      (bytes) => HandshakeResponse.decode(bytes),
      metadata,
      { deadline },
    )
    const granted = metadata.clone()
    granted.remove('authorization')
    let isGranted = false
    const grant = (name: string, value: string | Buffer | undefined) => {
      if (!value?.length || isGranted) return
      isGranted = true
      granted.set(name, value)
    }
    call.on('metadata', (answer) => grant('authorization', answer.get('authorization')[0]))
    call.on('data', ({ payload }) => grant('auth-token-bin', Buffer.from(payload)))
    call.on('error', (error: grpc.ServiceError) => {
      if (error.code === grpc.status.UNIMPLEMENTED) resolve(undefined)
      else reject(error)
    })
    call.on('status', ({ code, metadata: trailers }) => {
      if (code !== grpc.status.OK) return
      grant('authorization', trailers.get('authorization')[0])
      resolve(isGranted ? granted : undefined)
    })
    const payload = BasicAuth.encode({ username: user, password }).finish()
    call.write({ protocolVersion: 0n, payload: Buffer.from(payload) })
    call.end()
  })
}
