"""Drives a gateway in front of BigQuery with pyarrow and ADBC; prints the result of each step: bigquery_warehouse.py URI KEY ENDPOINT."""
import sys
import threading

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as adbc
import pyarrow.compute as pc
import pyarrow.flight as flight
from fake_jobs import await_job
from steps import read, report, step

uri, key, endpoint = sys.argv[1:]
client = flight.connect(uri)
HEADER = adbc_driver_flightsql.DatabaseOptions.RPC_CALL_HEADER_PREFIX.value


def headers(source=None, **more):
    pairs = [(b"x-api-key", key.encode())] + ([(b"x-flightgate-source", source.encode())] if source else [])
    return flight.FlightCallOptions(headers=pairs, **more)


def rows(sql, source=None):
    return [list(row.values()) for row in read(client, sql, headers(source)).to_pylist()]


def failure(sql):
    try:
        return rows(sql)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def facts(table):
    """Number of rows, sum, and number of distinct values."""
    return [table.num_rows, pc.sum(table["n"]).as_py(), pc.count_distinct(table["n"]).as_py()]


def adbc_connection(source="warehouse"):
    return adbc.connect(uri, db_kwargs={HEADER + "x-api-key": key, HEADER + "x-flightgate-source": source}, autocommit=True)


@step
def routed():
    return {
        sql: rows(sql)
        for sql in (
            "SELECT name FROM test-project.shop.items WHERE id = 2",
            "SELECT name FROM `test-project.shop.items` WHERE id = 2",
            "SELECT name FROM `test-project`.shop.items WHERE id = 2",
            "SELECT name FROM `test-project`.`shop`.`items` WHERE id = 2",
            "SELECT n FROM public-data.samples.words",
            "SELECT COUNT(*) AS n FROM `test-project.logs.events_*`",
            "SELECT n FROM demo.main.t",
            "SELECT n FROM t",
        )
    }


@step
def mixed_sources():
    return failure("SELECT * FROM `test-project.shop.items`, demo.main.t")


@step
def default_dataset():
    return rows("SELECT name FROM items WHERE id = 3", "warehouse")


@step
def session_schema():
    with adbc_connection() as connection, connection.cursor() as cursor:
        connection.adbc_connection.set_options(**{"adbc.connection.db_schema": "logs"})
        cursor.execute("SELECT n FROM events_20240102")
        return cursor.fetchall()


@step
def large_pyarrow():
    return facts(read(client, "SELECT n, s FROM shop.numbers", headers("warehouse")))


@step
def large_adbc():
    with adbc_connection() as connection, connection.cursor() as cursor:
        # The same text would get the rows of the cache.
        cursor.execute("SELECT n, s FROM shop.numbers AS adbc")
        return facts(cursor.fetch_arrow_table())


@step
def ordered():
    table = read(client, "SELECT n FROM shop.some ORDER BY n DESC", headers("warehouse"))
    return [table.num_rows, table["n"].to_pylist() == list(range(5000, 0, -1))]


@step
def parameters():
    with adbc_connection() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id, name FROM shop.items WHERE id >= ? AND name = ?", (2, "b"))
        return cursor.fetchall()


@step
def changes():
    with adbc_connection() as connection, connection.cursor() as cursor:
        counts = []
        for sql in (
            "INSERT INTO shop.changed (id, name) VALUES (4, 'd'), (5, 'e')",
            "UPDATE shop.changed SET name = 'x' WHERE id > 1",
            "DELETE FROM shop.changed WHERE id = 4",
        ):
            cursor.execute(sql)
            counts.append(cursor.rowcount)
        cursor.execute("SELECT id, name FROM shop.changed ORDER BY id")
        return [counts, cursor.fetchall()]


@step
def syntax_error():
    return failure("SELEC name FROM test-project.shop.items")


@step
def missing_table():
    return failure("SELECT * FROM test-project.shop.nothing")


@step
def missing_dataset():
    return failure("SELECT * FROM test-project.nothing.items")


@step
def pyarrow_timeout():
    info = client.get_flight_info(
        flight.FlightDescriptor.for_command(b"SELECT slow AS timeout"), headers("warehouse")
    )
    try:
        # Time enough for the job to begin.
        client.do_get(info.endpoints[0].ticket, headers("warehouse", timeout=5)).read_all()
    except Exception as error:
        return type(error).__name__


@step
def adbc_cancel():
    sql = "SELECT slow AS adbc"
    with adbc_connection() as connection, connection.cursor() as cursor:

        def cancel():
            await_job(endpoint, sql)
            cursor.adbc_cancel()

        thread = threading.Thread(target=cancel, daemon=True)
        thread.start()
        try:
            cursor.execute(sql)
            return cursor.fetchall()
        except Exception as error:
            thread.join()
            return type(error).__name__


report()
