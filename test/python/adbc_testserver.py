"""Drives sources in front of ADBC's test server, with pyarrow and ADBC; prints one JSON object, an entry for each step.

adbc_testserver.py URI
"""
import sys

import adbc_driver_flightsql.dbapi as adbc
import pyarrow.flight as flight

from steps import read, report, step

uri = sys.argv[1]
options = {"adbc.flight.sql.authorization_header": "Bearer client-secret"}
client = flight.connect(uri)
headers = flight.FlightCallOptions(headers=[(b"authorization", b"Bearer client-secret")])


def connect(source="plain"):
    chosen = {"adbc.flight.sql.rpc.call_header.x-flightgate-source": source}
    return adbc.connect(uri, db_kwargs={**options, **chosen}, autocommit=True)


def rows(statement, parameters=None, source="plain"):
    with connect(source) as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


@step
def pyarrow_row():
    table = read(client, "SELECT 1", headers)
    return [table.to_pylist(), str(table.schema.field("ints").type)]


@step
def adbc_row():
    return rows("SELECT 1")


@step
def by_token():
    return rows("SELECT 1", source="token")


@step
def by_password():
    return rows("SELECT 1", source="password")


@step
def by_wrong_token():
    rows("SELECT 1", source="wrong")


@step
def handle_replaced_by_bind():
    return rows("stateless_prepared_statement", (1,))


@step
def refused_at_prepare():
    rows("error_create_prepared_statement_detail", (1,))


@step
def refused_at_bind():
    rows("error_do_put_detail", (1,))


@step
def no_bind():
    rows("anything", (1,))


@step
def no_update():
    rows("INSERT INTO t VALUES (1)")


@step
def no_prepared_update():
    with connect() as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])


@step
def no_substrait():
    with connect() as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_substrait_plan(b"*")
        cursor.adbc_statement.execute_query()


@step
def objects():
    with connect() as connection:
        return [entry["catalog_name"] for entry in connection.adbc_get_objects(depth="all").read_all().to_pylist()]


@step
def incremental():
    with connect() as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.statement.exec.incremental": "true"})
        partitions, _ = cursor.adbc_execute_partitions("SELECT 1")
        cursor.adbc_read_partition(partitions[0])
        return [len(partitions), cursor.fetchall()]


report()
