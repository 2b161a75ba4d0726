"""Runs statements against a BigQuery source with pyarrow and ADBC; prints what they returned.

bigquery_statements.py URI ENDPOINT
"""
import sys
import threading

import pyarrow.flight as flight

from fake_jobs import await_job
from steps import connect, read, report, step

uri, endpoint = sys.argv[1:]
SLOW = "SELECT 1 AS slow"
CANCELLED = "SELECT 1 AS slow /* cancelled */"
client = flight.connect(uri)


@step
def rows():
    return read(client, "SELECT n, name FROM shop.few ORDER BY n").to_pylist()


@step
def many():
    table = read(client, "SELECT id, item FROM shop.orders")
    return [table.num_rows, len(set(table["id"].to_pylist())), str(table.schema)]


@step
def ordered():
    ids = read(client, "SELECT id FROM shop.orders ORDER BY id")["id"].to_pylist()
    return ids == sorted(ids)


@step
def empty():
    table = read(client, "SELECT n, name FROM shop.few WHERE n < 0")
    return [table.num_rows, table.schema.names]


@step
def dml():
    with connect(uri) as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_sql_query("UPDATE shop.few SET name = 'z' WHERE n >= 2")
        return cursor.adbc_statement.execute_update()


@step
def script():
    return read(client, "DELETE FROM shop.few WHERE n = 3; SELECT n, name FROM shop.few ORDER BY n").to_pylist()


@step
def invalid():
    return read(client, "SELECT FROM WHERE").to_pylist()


@step
def missing_table():
    return read(client, "SELECT a FROM shop.nothing").to_pylist()


@step
def missing_dataset():
    return read(client, "SELECT a FROM nowhere.t").to_pylist()


@step
def deadline():
    info = client.get_flight_info(flight.FlightDescriptor.for_command(SLOW.encode()))
    try:
        # Time enough for the job to begin.
        options = flight.FlightCallOptions(timeout=5)
        return client.do_get(info.endpoints[0].ticket, options).read_all().to_pylist()
    except flight.FlightTimedOutError:
        return "timed out"


@step
def cancelled():
    with connect(uri) as connection, connection.cursor() as cursor:

        def cancel():
            await_job(endpoint, CANCELLED)
            cursor.adbc_cancel()

        threading.Thread(target=cancel, daemon=True).start()
        cursor.execute(CANCELLED)
        return cursor.fetchall()


report()
