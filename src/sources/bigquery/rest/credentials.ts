import { BigQuery } from '@google-cloud/bigquery'
import { type AuthClient, GoogleAuth, Impersonated, PassThroughClient } from 'google-auth-library'
import type { BigQueryConfig } from '../settings.ts'

/** The scopes of REST and of the Storage Read API; BigQuery's own is enough for both. */
const SCOPE = 'https://www.googleapis.com/auth/bigquery'
/** The scope with which a service account may be impersonated. */
const CLOUD_SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

type Auth = BigQuery['authClient']

/**
 * Opens Google's client with the credentials of the settings: none, a key file, else the application default credentials
 * (GOOGLE_APPLICATION_CREDENTIALS, gcloud, the metadata server), and with `impersonate` those of the service account.
 * @returns the client's authentication, which renews its tokens itself
 */
export async function authOf(config: BigQueryConfig): Promise<Auth> {
  const { projectId, endpoint, keyFile } = config
  const authClient = await ownClient(config)
  const client = new BigQuery({
    projectId,
    ...(endpoint !== undefined && { apiEndpoint: endpoint }),
    ...(authClient ? { authClient } : keyFile !== undefined && { keyFilename: keyFile }),
  })
  return client.authClient
}

async function ownClient({
  anonymous,
  keyFile,
  impersonate,
  iamEndpoint,
}: BigQueryConfig): Promise<AuthClient | undefined> {
  if (anonymous) return new PassThroughClient()
  if (impersonate === undefined) return undefined
  const auth = new GoogleAuth({ scopes: [CLOUD_SCOPE], ...(keyFile !== undefined && { keyFilename: keyFile }) })
  return new Impersonated({
    sourceClient: await auth.getClient(),
    targetPrincipal: impersonate,
    targetScopes: [SCOPE],
    ...(iamEndpoint !== undefined && { endpoint: iamEndpoint }),
  })
}
