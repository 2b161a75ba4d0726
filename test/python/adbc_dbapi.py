"""Drives the DBAPI of the ADBC Flight SQL driver; prints the result of each step."""
import datetime
import decimal
import json
import sys
import warnings

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa

warnings.simplefilter("ignore")
results = {}


def step(name, work):
    try:
        results[name] = work()
    except Exception as error:
        results[name] = f"{type(error).__name__}: {error}"


with adbc.connect(sys.argv[1], db_kwargs={"username": "any", "password": sys.argv[2]}, autocommit=True) as connection:
    with connection.cursor() as cursor:

        def rows(sql, parameters=None):
            cursor.execute(sql, parameters)
            return [[str(value) for value in row] for row in cursor.fetchall()]

        def affected(work):
            work()
            return cursor.rowcount

        step("select", lambda: rows("SELECT 42 AS a, 'x' AS b"))
        step("parameters", lambda: rows("SELECT ?::INT + 1, ? || '!'", (41, "x")))
        step("untyped", lambda: rows("SELECT ?, ?", (7, None)))
        values = (1.5, True, b"ab", datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 2, 3, 4, 5, 6), decimal.Decimal("1.25"))
        step("types", lambda: rows("SELECT ?, ?, ?, ?, ?, ?", values))
        step("no rows", lambda: rows("SELECT 1 WHERE ? = 2", (1,)))
        step("create", lambda: affected(lambda: cursor.execute("CREATE TABLE t (i INTEGER, s VARCHAR)")))
        step("insert", lambda: affected(lambda: cursor.execute("INSERT INTO t VALUES (?, ?)", (1, "a"))))
        many = [(i, str(i)) for i in range(3000)]
        step("executemany", lambda: affected(lambda: cursor.executemany("INSERT INTO t VALUES (?, ?)", many)))
        big = pa.record_batch([pa.array(range(100000)), pa.array(["x" * 10] * 100000)], ["i", "s"])
        step("many rows of parameters", lambda: len(rows("SELECT i FROM t WHERE i = ? - 1", big.slice(0, 2000).select(["i"]))))
        step("count", lambda: rows("SELECT count(*), max(i) FROM t"))
        step("schema", lambda: str(cursor.adbc_execute_schema("SELECT i, s FROM t")))
        step("parameter schema", lambda: str(cursor.adbc_prepare("INSERT INTO t VALUES (?, ?)")))
        step("parameter schema of times", lambda: str(cursor.adbc_prepare("SELECT ?::TIMESTAMP, ?::TIMESTAMPTZ, ?::TIME")))
        step("syntax", lambda: rows("SELEC 1"))
        step("missing", lambda: rows("SELECT * FROM missing"))
        step("too few", lambda: rows("SELECT ?::INT + ?::INT", (1,)))
        step("still works", lambda: rows("SELECT 1"))
print(json.dumps(results))
