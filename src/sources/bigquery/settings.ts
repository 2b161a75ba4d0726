import { z } from 'zod'
import { budgetSchema } from '../../config/setting/budget.ts'
import { pricingSchema } from '../../config/setting/pricing.ts'
import { sourceCacheSchema } from '../../config/setting/source-cache.ts'
import { optionalWholeNumber, wholeNumber } from '../../config/setting/value.ts'
import { restEndpoint, storageEndpoint } from './endpoint.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

const text = (about: string) => z.string().min(1).optional().describe(about)

const account = z.string().regex(/^[^\s@]+@[^\s@]+$/, 'must be the address of a service account')

/** `sources.<name>` of kind `bigquery`. */
export const bigQuerySettings = z.strictObject({
  kind: z.literal('bigquery').describe('Google BigQuery.'),
  projectId: z
    .string()
    .regex(/^[a-z0-9.:-]{1,100}$/i, 'must be the id of a project, such as my-project-123')
    .describe('Project that runs the queries and is billed for them.'),
  location: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/i, 'must be a location, such as EU or europe-west3')
    .optional()
    .describe('Location of the queries. By default BigQuery finds it from the tables of a query.'),
  endpoint: restEndpoint('Address of the REST API: `https://host`, or `http://host:port` for an emulator.').optional(),
  storageEndpoint: storageEndpoint(
    'Address of the Storage Read API: `host:port`, with TLS unless `endpoint` begins with `http://`; `http://host:port` and `https://host:port` say so themselves.',
  ).optional(),
  iamEndpoint: restEndpoint(
    'Address of the Service Account Credentials API, which `impersonate` and `identity` use, such as that of a private endpoint. By default that of Google.',
  ).optional(),
  anonymous: z.boolean().default(false).describe('Sends no credentials, for emulators.'),
  keyFile: text(
    'File with the key of a service account. By default the application default credentials of the machine.',
  ),
  impersonate: text('Service account that the gateway impersonates, such as `reader@project.iam.gserviceaccount.com`.'),
  identity: z
    .strictObject({
      mode: z
        .enum(['none', 'impersonate'])
        .default('none')
        .describe(
          '`none`: all callers use the login of the source. `impersonate`: the gateway impersonates the service account of the caller, so that the permissions of BigQuery hold for each ([access](access.md#the-callers-identity-at-the-source)).',
        ),
      principals: z
        .record(z.string().min(1), account)
        .default({})
        .describe('Service accounts by the name of the principal, such as `oidc:alice@example.com`.'),
      groups: z
        .record(z.string().min(1), account)
        .default({})
        .describe(
          "Service accounts by the name of a group, for principals that `principals` does not name. The first one in the file that is a group of the caller's counts.",
        ),
      others: z
        .enum(['refuse', 'own'])
        .default('refuse')
        .describe('Callers for whom no account stands: their statements are refused, or use the login of the source.'),
    })
    .optional()
    .describe('Passes the identity of the caller on to BigQuery.'),
  defaultDataset: z
    .string()
    .regex(/^([a-z0-9.:-]{1,100}\.)?\w{1,1024}$/i, 'must be DATASET or PROJECT.DATASET')
    .optional()
    .describe('Dataset of tables that a query names without one: `DATASET` or `PROJECT.DATASET`.'),
  projects: z
    .array(z.string().min(1))
    .default([])
    .describe('Further projects whose datasets metadata lists, such as `bigquery-public-data`.'),
  writes: z
    .boolean()
    .default(false)
    .describe('Allows statements that change data, for principals with the grant `write`.'),
  pricing: pricingSchema.prefault({}).describe('Prices, where they differ from the list.'),
  limits: budgetSchema.prefault({}).describe('Limits of what the statements of this source may cost.'),
  labels: z
    .record(
      z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'must be a label: a-z, 0-9, _ and -, a letter first'),
      z.string().regex(/^[a-z0-9_-]{0,63}$/, 'must be a value of a label: a-z, 0-9, _ and -'),
    )
    .refine((labels) => Object.keys(labels).length <= 56, 'must be at most 56 labels')
    .default({})
    .describe('Labels of the jobs, for the billing export, beside those of the gateway.'),
  reservation: text(
    'Reservation that runs the queries, as `projects/P/locations/L/reservations/R`; `none` runs them on demand. By default the assignment of the project.',
  ),
  maxSlots: optionalWholeNumber('Most slots that a query may use, where BigQuery offers that.', {
    min: 1,
    max: 100_000,
  }),
  useQueryCache: z.boolean().default(true).describe('Whether BigQuery may answer from its cache, which bills nothing.'),
  shortQueries: z
    .boolean()
    .default(true)
    .describe(
      'Sends reads of at most 1 GiB in one call that brings the first rows. The gateway learns the job of such a read, and can cancel it, after 1 s at the latest.',
    ),
  arrowResults: z
    .boolean()
    .default(true)
    .describe(
      'Asks for the rows of such a read as Arrow, which BigQuery offers as a preview. Where it does not, it ignores that and sends JSON.',
    ),
  storageApi: z
    .boolean()
    .default(true)
    .describe(
      'Reads results of several pages by the Storage Read API. Where BigQuery refuses that, the gateway reads REST pages.',
    ),
  readStreams: wholeNumber('Parallel streams of the Storage Read API for one result without order.', {
    min: 1,
    max: 64,
    default: 4,
  }),
  cache: sourceCacheSchema.optional().describe('How the cache stores results of this source.'),
  statementTimeoutMs: optionalWholeNumber(
    'Time limit for a statement to run and be read. By default only the deadline of the call applies.',
    { min: 1, max: 30 * 86_400_000 },
  ),
  maxStreams: wholeNumber('Statements that run or are read at the same time; further statements wait in a queue.', {
    min: 1,
    max: 10_000,
    default: 32,
  }),
  requestTimeoutMs: wholeNumber('Time limit of one call to BigQuery.', { min: 10, max: HOUR_MS, default: MINUTE_MS }),
})

/** Settings of a source of kind `bigquery`. */
export type BigQuerySettings = z.output<typeof bigQuerySettings>

/** The settings that the source itself uses. */
export type BigQueryConfig = Omit<
  BigQuerySettings,
  'kind' | 'statementTimeoutMs' | 'maxStreams' | 'pricing' | 'identity'
>
