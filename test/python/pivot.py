"""PIVOT without an IN list, with pyarrow and ADBC. pivot.py URI"""
import concurrent.futures
import sys

import adbc_driver_flightsql.dbapi as adbc
import pyarrow.flight as flight
from steps import connect, read, report, step

(uri,) = sys.argv[1:]
PIVOT = "PIVOT t ON c USING sum(v)::INTEGER GROUP BY id ORDER BY id"


def rows(cursor, sql, parameters=None):
    cursor.execute(sql, parameters)
    return [column[0] for column in cursor.description], cursor.fetchall()


@step
def pyarrow():
    return read(flight.connect(uri), PIVOT).to_pylist()


@step
def autocommit():
    with connect(uri) as connection, connection.cursor() as cursor:
        return [rows(cursor, PIVOT) for _ in range(3)]


@step
def in_transaction():
    with adbc.connect(uri) as connection:
        with connection.cursor() as cursor:
            seen = [rows(cursor, PIVOT) for _ in range(2)]
        connection.commit()
        with connection.cursor() as cursor:
            return [*seen, rows(cursor, PIVOT)]


@step
def prepared():
    with connect(uri) as connection, connection.cursor() as cursor:
        cursor.adbc_prepare(PIVOT)
        return [rows(cursor, PIVOT) for _ in range(2)]


@step
def with_parameter():
    with connect(uri) as connection, connection.cursor() as cursor:
        return rows(cursor, f"SELECT a FROM ({PIVOT}) WHERE id = ?", (2,))


@step
def at_once():
    def one(_):
        with connect(uri) as connection, connection.cursor() as cursor:
            return rows(cursor, PIVOT)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(one, range(16)))


@step
def beside_another():
    with connect(uri) as connection, connection.cursor() as cursor:
        return rows(cursor, f"{PIVOT}; DROP TABLE t")


@step
def left_types():
    with connect(uri) as connection, connection.cursor() as cursor:
        return rows(cursor, "SELECT count(*) FROM duckdb_types() WHERE contains(type_name, 'pivot')")[1]


report()
