"""Statements above the time limits of a source and of an API key. statement_timeouts.py URI"""
import sys
import time

import adbc_driver_flightsql.dbapi as adbc
from steps import report, step

(uri,) = sys.argv[1:]
SLOW = "SELECT sum(hash(a.range + b.range)) FROM range(1000000) a, range(100000) b"
LARGE = "SELECT range AS i, repeat('x', 100) AS s FROM range(20000000)"


def connect(key, source):
    options = {"adbc.flight.sql.rpc.call_header.x-api-key": key, "adbc.flight.sql.rpc.call_header.x-flightgate-source": source}
    return adbc.connect(uri, db_kwargs=options, autocommit=True)


def run(key, source, sql):
    with connect(key, source) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


@step
def of_the_source():
    return run("patient", "hasty", SLOW)


@step
def of_the_key():
    return run("impatient", "demo", SLOW)


@step
def half_read():
    with connect("patient", "hasty") as connection, connection.cursor() as cursor:
        cursor.execute(LARGE)
        cursor.fetchone()
        time.sleep(3)
        while cursor.fetchmany(100_000):
            pass


@step
def short():
    return [run("patient", "calm", "SELECT 42"), run("calm", "demo", "SELECT 42")]


report()
