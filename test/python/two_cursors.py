"""Uses a second cursor next to a partly read one, on one ADBC connection. two_cursors.py URI"""
import sys
import time

import adbc_driver_flightsql.dbapi as adbc
from steps import report, step

(uri,) = sys.argv[1:]
LARGE = "SELECT range AS i, repeat('x', 100) AS s FROM range(20000000)"


def half_read(connection):
    cursor = connection.cursor()
    cursor.execute(LARGE)
    cursor.fetchone()
    return cursor


def answer(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 42")
        return cursor.fetchall()


@step
def beside_half_read():
    with adbc.connect(uri) as connection, half_read(connection):
        return answer(connection)


@step
def beside_half_read_for_a_while():
    with adbc.connect(uri) as connection, half_read(connection):
        time.sleep(1)
        return answer(connection)


@step
def after_close():
    with adbc.connect(uri) as connection:
        first = half_read(connection)
        try:
            answer(connection)
        except adbc.Error:
            first.close()
        return answer(connection)


@step
def with_autocommit():
    with adbc.connect(uri, autocommit=True) as connection, half_read(connection):
        return answer(connection)


@step
def after_all_was_read():
    with adbc.connect(uri) as connection, connection.cursor() as first:
        first.execute("SELECT range FROM range(3000000)")
        first.fetch_arrow_table()
        return answer(connection)


report()
