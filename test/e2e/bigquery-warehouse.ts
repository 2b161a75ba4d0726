import { type BigQueryFake, type BigQueryFakeOptions, startBigQueryFake } from '../fakes/bigquery/fake.ts'
import { GatewayProcess } from './gateway-process.ts'

/** A gateway in front of a stand-in of BigQuery. */
export interface Warehouse {
  readonly fake: BigQueryFake
  readonly gateway: GatewayProcess
  /** Stops both; returns the gateway's exit code. */
  stop(): Promise<number>
}

/** How a warehouse is set up. */
export interface WarehouseOptions extends BigQueryFakeOptions {
  /** Settings of the BigQuery sources by name, besides where they are; one source `warehouse` by default. */
  readonly sources?: Readonly<Record<string, object>>
  /** Further sources. */
  readonly others?: Readonly<Record<string, object>>
  readonly config?: object
}

/** Starts a gateway with sources of kind `bigquery` that use one stand-in. */
export async function startWarehouse(options: WarehouseOptions): Promise<Warehouse> {
  const { sources = { warehouse: {} }, others, config, ...fakeOptions } = options
  const fake = await startBigQueryFake(fakeOptions)
  const { endpoint, storageEndpoint } = fake
  const base = { kind: 'bigquery', projectId: 'test-project', endpoint, storageEndpoint, anonymous: true }
  const named = Object.entries(sources).map(([name, settings]) => [name, { ...base, ...settings }])
  const gateway = await GatewayProcess.start({ sources: { ...Object.fromEntries(named), ...others }, ...config })
  return {
    fake,
    gateway,
    async stop() {
      const code = await gateway.stop()
      await fake.close()
      return code
    },
  }
}
