import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request for a token. */
export interface TokenRequest {
  readonly account: string
  readonly authorization: string | undefined
  readonly body: unknown
}

/**
 * A stand-in of Google's Service Account Credentials API: `generateAccessToken`.
 * Sources: the path, the body (`delegates`, `scope`, `lifetime`), the answer (`accessToken`, `expireTime` in RFC 3339) and the
 * permission `iam.serviceAccounts.getAccessToken` are those of
 * https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken; the error has the
 * form of https://cloud.google.com/apis/design/errors.
 */
export class IamCredentialsFake {
  readonly #server: Server
  readonly requests: TokenRequest[] = []
  /** Accounts for which the caller lacks the permission. */
  readonly denied = new Set<string>()
  /** Lifetime of the tokens, in milliseconds. */
  ttlMs = 3_600_000

  private constructor(server: Server) {
    this.#server = server
    server.on('request', async (request, response) => {
      let text = ''
      for await (const part of request) text += part
      const [, account] = /^\/v1\/projects\/-\/serviceAccounts\/([^/:]+):generateAccessToken$/.exec(request.url!) ?? []
      if (request.method !== 'POST' || account === undefined) return void response.writeHead(404).end()
      this.requests.push({ account, authorization: request.headers.authorization, body: JSON.parse(text) })
      const isDenied = this.denied.has(account)
      const message = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."
      response.writeHead(isDenied ? 403 : 200, { 'content-type': 'application/json' }).end(
        JSON.stringify(
          isDenied
            ? { error: { code: 403, message, status: 'PERMISSION_DENIED' } }
            : {
                accessToken: `token-${this.requests.length}-of-${account}`,
                expireTime: new Date(Date.now() + this.ttlMs).toISOString(),
              },
        ),
      )
    })
  }

  /** Starts it on a free port of 127.0.0.1. */
  static async start(): Promise<IamCredentialsFake> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new IamCredentialsFake(server)
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
