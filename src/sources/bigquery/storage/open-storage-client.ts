import { bigQueryError } from '../errors.ts'
import type { RestClient } from '../rest/rest-client.ts'
import type { BigQueryConfig } from '../settings.ts'
import { StorageClient } from './storage-client.ts'
import { GOOGLE_STORAGE, storageDefaults } from './storage-options.ts'

/** The client of the Storage Read API for the settings of a source, with the login of its REST API. */
export function openStorageClient(source: string, config: BigQueryConfig, rest: RestClient): StorageClient {
  const { endpoint, storageEndpoint, readStreams, requestTimeoutMs } = config
  const isPlain = endpoint?.toLowerCase().startsWith('http://') ?? false
  const address = storageEndpoint ? { tls: !isPlain, ...storageEndpoint } : GOOGLE_STORAGE
  return new StorageClient(
    source,
    { ...storageDefaults, address, maxStreams: readStreams, sessionTimeoutMs: requestTimeoutMs },
    async (isRefused, signal) => {
      try {
        return await rest.authorization(signal, isRefused)
      } catch (error) {
        throw bigQueryError(error, source)
      }
    },
  )
}
