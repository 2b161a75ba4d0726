"""Shared by the cases: declaration of a case, connections, expectations."""
import contextlib
import sys
import time
import warnings

import adbc_driver_flightsql.dbapi as adbc

from running import Running

warnings.simplefilter("ignore")
uri, user, key, http = sys.argv[1:5]
running = Running(http, user, key)
cases = []


def case(function):
    cases.append(function)
    return function


def connect(autocommit=True, **more):
    return adbc.connect(uri, db_kwargs={"username": user, "password": key, **more}, autocommit=autocommit)


def run(connection, sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.rowcount


def rows(connection, sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def value(connection, sql, parameters=None):
    ((only,),) = rows(connection, sql, parameters)
    return only


def arrow(connection, sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetch_arrow_table()


def ingest(connection, table, data, **options):
    """Ingests with a separate cursor: the options of an ingestion stay set on its cursor."""
    with connection.cursor() as cursor:
        return cursor.adbc_ingest(table, data, **options)


def exists(connection, table):
    return value(connection, "SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", (table,)) == 1


def equal(actual, expected):
    assert actual == expected, f"{actual!r} instead of {expected!r}"


def details(error):
    """The details of an error, by trailer name."""
    return {name.decode() if isinstance(name, bytes) else name: value for name, value in error.details}


@contextlib.contextmanager
def raises(status, text=""):
    """Expects an error with this ADBC status and text."""
    try:
        yield
    except adbc.Error as error:
        equal(error.status_code.name, status)
        assert text in str(error), f"{error} does not say {text!r}"
    else:
        raise AssertionError(f"no error, where {status} was expected")


@contextlib.contextmanager
def soon():
    """Expects that something does not wait for the end of what takes hours. It is no expectation of speed."""
    started = time.monotonic()
    yield
    took = time.monotonic() - started
    assert took < 60, f"took {took:.1f} s"


def cancelled(work, cancel):
    """Runs `work` and cancels it when the gateway runs its statement; expects that it ends with the reason."""
    end = running.cancel_next(cancel)
    try:
        with soon(), raises("CANCELLED"):
            work()
    finally:
        end()
