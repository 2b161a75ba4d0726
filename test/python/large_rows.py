"""Rows above the message limit of ADBC, with its own limit and with a raised one; and long lists. large_rows.py URI"""
import sys

import adbc_driver_flightsql.dbapi as adbc
import pyarrow.flight as flight
from steps import read, report, step

(uri,) = sys.argv[1:]
MIB = 1 << 20


def lengths(mib, limit=None):
    options = {"adbc.flight.sql.client_option.with_max_msg_size": str(limit * MIB)} if limit else {}
    with adbc.connect(uri, db_kwargs=options, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT repeat('x', CASE WHEN range = 1 THEN {mib * MIB} ELSE 1 END) AS s FROM range(3)")
        return [len(value) for (value,) in cursor.fetchall()]


@step
def raised():
    return lengths(20, 64)


@step
def not_raised():
    return lengths(20)


@step
def above_max_row_bytes():
    return lengths(30, 64)


LIST = f"SELECT count(*) AS n FROM range(1000000) WHERE range IN ({','.join(map(str, range(250_000)))})"


@step
def adbc_long_list():
    with adbc.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(LIST)
        return [len(LIST) > MIB, cursor.fetchall()]


@step
def pyarrow_long_list():
    with flight.connect(uri) as client:
        return read(client, LIST).to_pylist()


report()
