import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasHaproxy } from '../fakes/haproxy/haproxy.ts'
import { dbapiAnswers } from './answers/adbc-dbapi.ts'
import { typesAnswers, walkAnswers, walkedTables } from './answers/jdbc.ts'
import { answers, errors } from './answers/real-clients.ts'
import { Cluster } from './cluster.ts'
import { hasJdbcProgram, runJdbc } from './jdbc-program.ts'
import { hasPython, runPython } from './python.ts'

type Seen = Readonly<Record<string, unknown>>

describe.skipIf(!hasHaproxy() || !hasPython())(
  'clients of three replicas behind HAProxy, each call at the next one',
  () => {
    let cluster: Cluster

    beforeAll(async () => {
      cluster = await Cluster.start({ upstream: { init: walkedTables } })
    })
    afterAll(async () => {
      expect(await cluster.stop()).toEqual([0, 0, 0])
    })

    /** Drops the tables that a program has made, in a batch, so that the next program finds what a single gateway would show it. */
    const drop = async (...tables: readonly string[]) => {
      const answer = await fetch(`http://${cluster.proxy.http}/api/v1/batch`, {
        method: 'POST',
        headers: { 'x-api-key': 'etl-key', 'content-type': 'application/json' },
        body: JSON.stringify({
          queries: tables.map((table) => ({ query: `DROP TABLE ${table}` })),
          // Concurrent changes of the catalog would conflict.
          options: { max_concurrency: 1 },
        }),
      })
      const { results } = (await answer.json()) as { results: readonly { status: string; error: unknown }[] }
      expect(results.map(({ error }) => error)).toEqual(tables.map(() => null))
    }

    it('pyarrow, pandas and polars read, cancel, and get the errors that their users expect', async () => {
      const seen = await runPython<Seen>('real_clients.py', cluster.proxy.uri, 'anyone', 'etl-key')
      expect(seen).toEqual({
        ...Object.fromEntries([...answers, ...errors]),
        // The message of the engine behind the replicas has no empty line.
        pyarrow_syntax_error: expect.objectContaining({
          error: 'ArrowInvalid',
          text: expect.stringMatching(/"SELEC"\nLINE 1: SELEC 1\n {8}\^/),
        }),
      })
      await drop('made_by_adbc')
    })

    it('ADBC prepares, binds, reads and changes data', async () => {
      expect(await runPython('adbc_dbapi.py', cluster.proxy.uri, 'etl-key')).toMatchObject(dbapiAnswers)
      await drop('t')
    })

    describe.skipIf(!hasJdbcProgram('JdbcWalk') || !hasJdbcProgram('JdbcTypes'))('the JDBC driver', () => {
      const run = (program: string, version: string) =>
        runJdbc(program, version, [cluster.proxy.flight, 'etl-key', cluster.proxy.http], 'America/New_York')

      it.each(['18.3.0', '17.0.0'])('%s connects, reads, changes data and requests all metadata', async (version) => {
        expect(await run('JdbcWalk', version)).toEqual({
          ...walkAnswers(version),
          // The server behind the replicas chooses the types of its results.
          'lossless types': 'DECIMAL',
        })
        await drop('jdbc')
      })

      it.each(['18.3.0', '17.0.0'])('%s binds a value and a NULL of each type', async (version) => {
        expect(await run('JdbcTypes', version)).toEqual(typesAnswers)
        await drop(...Array.from({ length: 31 }, (_, i) => `bound_${i}`))
      })
    })

    it('ADBC commits, rolls back, cancels, executes incrementally, and ingests data frames', async () => {
      const seen = await runPython<Seen>('adbc_control.py', cluster.proxy.uri, 'etl', 'etl-key', cluster.proxy.http)
      expect(seen).toMatchObject({
        commit_and_roll_back: [[[1]], [[0]], [[1], [3], [4]]],
        failed_transaction: [[60]],
        cancel: ['CANCELLED', [[1]]],
        close_unread: [[1]],
        incremental: { rows: [[true]], parts: 1, progress: true },
        incremental_cancel: 'CANCELLED',
        partitions: [1, 'i: int64', [[0], [1], [2]]],
        table_schema: ['int64', expect.arrayContaining(['BASE TABLE', 'VIEW'])],
        error_details: { text: expect.stringContaining('nope') },
        statement_timeout: { status: 'TIMEOUT' },
        pandas_round_trip: [6, true],
        polars_round_trip: [6, true],
      })
    })

    it('all replicas took part, and leak no statement or transaction', async () => {
      await expect.poll(() => cluster.metric('flightgate_statements_in_flight')).toBe(0)
      await expect.poll(() => cluster.metric('flightgate_transactions_open')).toBe(0)
      await expect.poll(() => cluster.metric('flightgate_in_flight_bytes')).toBe(0)
      for (const replica of cluster.replicas) {
        expect(await replica.metric('flightgate_calls_total')).toBeGreaterThan(50)
        expect(replica.noise).toEqual([])
      }
    })
  },
)
