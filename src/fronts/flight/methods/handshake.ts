import { BasicAuth, HandshakeRequest, HandshakeResponse } from '../../../../gen/arrow/flight/protocol/Flight.ts'
import type { Authenticator } from '../../../auth/authenticator.ts'
import { CREDENTIAL_HEADERS } from '../../../auth/credentials.ts'
import type { Identity } from '../../../auth/identity.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import { refusedLogin } from '../../../query/audit/refused-login.ts'
import { GatewayError } from '../../../query/errors.ts'

/** Clients send one message; some send an empty one first. */
const MAX_MESSAGES = 16

/**
 * Login, in the two forms that clients use: credentials in the metadata with no message or an empty one, or user name and
 * password as BasicAuth in the payload. Returns the bearer token in the initial metadata, in the trailers (Go and C++ read both)
 * and, if the client sent a payload, as payload.
 */
export function handshake(authenticator: Authenticator): Method {
  return {
    kind: 'bidi',
    open: true,
    async handle(requests, call) {
      authenticator.requireCertificate(call.connection.socket)
      const grant = (identity: Identity): string => {
        call.markAuthenticated()
        const token = authenticator.issueToken(identity)
        const metadata = { authorization: `Bearer ${token}` }
        call.trailers = metadata
        call.sendHeaders(metadata)
        return token
      }
      if (CREDENTIAL_HEADERS.some((name) => call.headers[name] !== undefined)) {
        grant(await authenticator.identify(call.headers, call.connection.socket))
        return
      }
      const identityOf = async (payload: Uint8Array): Promise<Identity> => {
        try {
          return await authenticator.identifyBy(passwordOf(payload))
        } catch (error) {
          throw refusedLogin(error, 'basic')
        }
      }
      let left = MAX_MESSAGES
      for await (const bytes of requests) {
        if (left-- === 0) throw new GatewayError('BAD_REQUEST', 'The handshake has too many messages.')
        const { payload, protocolVersion } = decodeMessage(HandshakeRequest, bytes)
        if (payload.byteLength === 0) continue
        const token = grant(await identityOf(payload))
        await call.sendMessage(HandshakeResponse.encode({ protocolVersion, payload: Buffer.from(token) }).finish())
        return
      }
      const certified = authenticator.ofCertificate(call.connection.socket)
      if (!authenticator.open && !certified)
        throw new GatewayError(
          'UNAUTHENTICATED',
          'The handshake carries no credentials: give user and password or a token.',
        )
      grant(certified ?? (await authenticator.identify(call.headers, call.connection.socket)))
    },
  }
}

/** @throws GatewayError UNAUTHENTICATED if the payload is not a BasicAuth message */
function passwordOf(payload: Uint8Array): string {
  try {
    return BasicAuth.decode(payload).password
  } catch (cause) {
    throw new GatewayError(
      'UNAUTHENTICATED',
      "The handshake's payload is not a BasicAuth message: give user and password, or a token in the metadata.",
      { cause },
    )
  }
}
