"""Transactions, cancelling, incremental execution, session options, errors and data frames by ADBC; prints one JSON
object, an entry for each step.

adbc_control.py URI USER KEY HTTP
"""
import json
import sys
import warnings

import adbc_driver_flightsql.dbapi as adbc
import pandas
import polars
from running import Running

warnings.simplefilter("ignore")
uri, user, key, http = sys.argv[1:]
running = Running(http, user, key)
seen = {}
SLOW = "SELECT sum(hash(a.i + b.range)) FROM big a, range({}) b"


def step(function):
    """Records the result of a step, or its error."""
    try:
        seen[function.__name__] = function()
    except Exception as error:
        status = getattr(error, "status_code", None)
        seen[function.__name__] = {"error": type(error).__name__, "text": str(error), "status": status and status.name}


def connect(autocommit=True, **more):
    return adbc.connect(uri, db_kwargs={"username": user, "password": key, **more}, autocommit=autocommit)


def read(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [list(row) for row in cursor.fetchall()]


def run(connection, sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


plain = connect()
run(plain, "CREATE TABLE big AS SELECT range AS i FROM range(1000000)")


@step
def commit_and_roll_back():
    with connect(autocommit=False) as writing:
        run(writing, "CREATE TABLE t (i INTEGER)")
        run(writing, "INSERT INTO t VALUES (?)", (1,))
        inside = read(writing, "SELECT * FROM t")
        before = read(plain, "SELECT count(*) FROM information_schema.tables WHERE table_name = 't'")
        writing.commit()
        run(writing, "INSERT INTO t VALUES (2)")
        writing.rollback()
        with writing.cursor() as cursor:
            cursor.executemany("INSERT INTO t VALUES (?)", [(3,), (4,)])
        writing.commit()
        run(writing, "DELETE FROM t")
    return [inside, before, read(plain, "SELECT i FROM t ORDER BY i")]


@step
def failed_transaction():
    with connect(autocommit=False) as writing:
        run(writing, "INSERT INTO t VALUES (50)")
        try:
            run(writing, "INSERT INTO t VALUES ('no number')")
        except adbc.Error:
            writing.rollback()
        run(writing, "INSERT INTO t VALUES (60)")
        writing.commit()
    return read(plain, "SELECT i FROM t WHERE i >= 50")


@step
def cancel():
    with connect() as own, own.cursor() as cursor:
        end = running.cancel_next(cursor.adbc_cancel)
        try:
            cursor.execute(SLOW.format(1000000))
            cursor.fetchall()
        except Exception as error:
            end()
            return [error.status_code.name, read(own, "SELECT 1")]


@step
def close_unread():
    with connect() as own:
        cursor = own.cursor()
        cursor.execute("SELECT * FROM range(100000000)")
        cursor.fetchone()
        cursor.close()
        return read(own, "SELECT 1")


@step
def incremental():
    with connect() as own, own.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.statement.exec.incremental": "true"})
        cursor.adbc_statement.set_sql_query("SELECT sum(length(md5(md5(md5(i::VARCHAR))))) > 0 AS b FROM big a, range(8)")
        progress, parts = [], []
        while True:
            found, schema, _ = cursor.adbc_statement.execute_partitions()
            progress.append(cursor.adbc_statement.get_option_float("adbc.statement.exec.progress"))
            if not found:
                break
            parts += found
        rows = []
        for part in parts:
            cursor.adbc_read_partition(part)
            rows += cursor.fetchall()
        return {"rows": [list(row) for row in rows], "parts": len(parts), "progress": all(0 <= part <= 1 for part in progress) and max(progress) > 0}


@step
def incremental_cancel():
    with connect() as own, own.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.statement.exec.incremental": "true"})
        cursor.adbc_statement.set_sql_query(SLOW.format(1000000))
        end = running.cancel_next(cursor.adbc_cancel)
        try:
            cursor.adbc_statement.execute_partitions()
        except Exception as error:
            end()
            return error.status_code.name


@step
def partitions():
    with connect() as own, own.cursor() as cursor:
        parts, schema = cursor.adbc_execute_partitions("SELECT i FROM big WHERE i < 3 ORDER BY i")
        cursor.adbc_read_partition(parts[0])
        return [len(parts), schema.to_string(show_field_metadata=False), [list(row) for row in cursor.fetchall()]]


@step
def current_names():
    with connect() as own:
        before = [own.adbc_current_catalog, own.adbc_current_db_schema]
        run(own, "CREATE SCHEMA IF NOT EXISTS other")
        run(own, "CREATE TABLE other.only_there AS SELECT 42 AS answer")
        own.adbc_connection.set_options(**{"adbc.connection.db_schema": "other"})
        return [before, own.adbc_current_db_schema, read(own, "SELECT answer FROM only_there")]


@step
def table_schema():
    return [str(plain.adbc_get_table_schema("big").field("i").type), plain.adbc_get_table_types()]


@step
def error_details():
    try:
        read(plain, "SELECT *\nFROM big WHERE nope = 1")
    except Exception as error:
        return {"text": str(error), "details": {str(name): str(value) for name, value in error.details}}


@step
def statement_timeout():
    with connect() as own, own.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.flight.sql.rpc.timeout_seconds.fetch": 0.5})
        cursor.execute(SLOW.format(1000000))
        cursor.fetchall()


@step
def pandas_round_trip():
    frame = pandas.DataFrame({"i": [1, 2, 3], "s": ["a", None, "c"], "f": [0.5, 1.5, None]})
    frame.to_sql("from_pandas", plain, index=False, if_exists="replace")
    frame.to_sql("from_pandas", plain, index=False, if_exists="append")
    back = pandas.read_sql("SELECT * FROM from_pandas ORDER BY i", plain)
    return [len(back), back.iloc[::2].reset_index(drop=True).equals(frame.sort_values("i").reset_index(drop=True))]


@step
def polars_round_trip():
    frame = polars.DataFrame({"i": [1, 2, 3], "s": ["a", None, "c"], "l": [[1], [], [2, 3]]})
    frame.write_database("from_polars", plain, engine="adbc", if_table_exists="replace")
    frame.write_database("from_polars", plain, engine="adbc", if_table_exists="append")
    back = polars.read_database("SELECT * FROM from_polars ORDER BY i", plain)
    return [back.height, back.gather_every(2).equals(frame)]


plain.close()
print(json.dumps(seen, default=str))
