import protos from '@google-cloud/bigquery-storage/build/protos/protos.js'

/** Google's own generated messages of BigQueryRead. */
export const messages = protos.google.cloud.bigquery.storage.v1

export type CreateReadSessionRequest = protos.google.cloud.bigquery.storage.v1.CreateReadSessionRequest
export type ReadRowsRequest = protos.google.cloud.bigquery.storage.v1.ReadRowsRequest
