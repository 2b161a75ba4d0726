import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose'
import Provider from 'oidc-provider'

/** A client of the issuer: it gets tokens with these claims. */
export interface IssuerClient {
  readonly id: string
  readonly claims?: Readonly<Record<string, unknown>>
  /** Lifetime of its tokens, in seconds. */
  readonly ttlS?: number
}

/** The secret of all clients. */
export const CLIENT_SECRET = 'client-secret-client-secret-client-secret'

interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
}

/** A real OpenID Connect issuer (oidc-provider) on a free port of this machine. */
export class OidcIssuer {
  readonly #server: Server
  readonly #clients: readonly IssuerClient[]
  readonly #configuration: object
  #listener: RequestListener = (_request, response) => response.writeHead(503).end()
  #keys: SigningKey[] = []
  readonly #hanging: ServerResponse[] = []
  /** Paths of the requests so far. */
  readonly requests: string[] = []
  readonly url: string

  private constructor(server: Server, clients: readonly IssuerClient[], configuration: object) {
    this.#server = server
    this.#clients = clients
    this.#configuration = configuration
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (request, response) => {
      this.requests.push(request.url!)
      this.#listener(request, response)
    })
    this.rotate()
  }

  /** @param configuration further settings of oidc-provider */
  static async start(clients: readonly IssuerClient[], configuration: object = {}): Promise<OidcIssuer> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new OidcIssuer(server, clients, configuration)
  }

  /** Replaces the key that signs. The issuer publishes the new one alone. */
  rotate(): void {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    this.#keys = [{ kid: `key-${Math.random()}`, privateKey }]
    this.#serve()
  }

  /** From now on the issuer answers nothing; the connections of these requests end with `hangUp`. */
  hang(): void {
    this.#listener = (_request, response) => void this.#hanging.push(response)
  }

  /** Number of requests that hang. */
  get hanging(): number {
    return this.#hanging.length
  }

  /** Closes the connections of the requests that hang. */
  hangUp(): void {
    for (const response of this.#hanging.splice(0)) response.destroy()
  }

  /** From now on each request fails. */
  fail(): void {
    this.#listener = (_request, response) => response.writeHead(500).end()
  }

  /** Ends `hang` and `fail`. */
  recover(): void {
    this.#serve()
  }

  /** A token of the issuer for a client. */
  async token(client: string, audience = 'flightgate'): Promise<string> {
    const answer = await fetch(`${this.url}/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${client}:${CLIENT_SECRET}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: `grant_type=client_credentials&resource=urn:${audience}`,
    })
    const { access_token: token, ...rest } = (await answer.json()) as { readonly access_token?: string }
    if (token === undefined) throw new Error(`the issuer gave no token: ${JSON.stringify(rest)}`)
    return token
  }

  /** A token that the issuer would not make, signed with its key. */
  async forged(claims: Readonly<Record<string, unknown>>, header: object = {}): Promise<string> {
    const { kid, privateKey } = this.#keys[0]!
    return await new SignJWT({ iss: this.url, aud: 'flightgate', exp: 9_999_999_999, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid, ...header })
      .sign(privateKey)
  }

  /** The key that signs, with its public part as PEM. */
  get key(): { readonly kid: string; readonly publicPem: string } {
    const { kid, privateKey } = this.#keys[0]!
    return { kid, publicPem: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(): void {
    const keys = this.#keys.map(({ kid, privateKey }) => ({
      ...privateKey.export({ format: 'jwk' }),
      kid,
      alg: 'RS256',
      use: 'sig',
    }))
    const provider = new Provider(this.url, {
      jwks: { keys },
      clients: this.#clients.map(({ id }) => ({
        client_id: id,
        client_secret: CLIENT_SECRET,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      })),
      extraTokenClaims: (_context: unknown, { clientId }: { readonly clientId: string }) =>
        this.#clients.find(({ id }) => id === clientId)?.claims,
      features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_context: unknown, resource: string, client: { readonly clientId: string }) => ({
            scope: '',
            audience: resource.replace('urn:', ''),
            accessTokenFormat: 'jwt',
            accessTokenTTL: this.#clients.find(({ id }) => id === client.clientId)?.ttlS ?? 600,
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
      },
      ...this.#configuration,
    })
    this.#listener = provider.callback()
  }
}
