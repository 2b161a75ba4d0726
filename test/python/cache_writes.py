"""Changes data over many paths; after each, a read of the writer must be fresh although the cache had its rows.

Arguments: URI of the Flight port, address of the HTTP port, key of the writer.
Prints, by path, what the cache said before and after the change, and the rows that the change added to the sum.
"""

import json
import sys
import urllib.request

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa

uri, http, key = sys.argv[1:]
results = {}


def post(path, body):
    headers = {"content-type": "application/json", "x-api-key": key}
    request = urllib.request.Request(f"http://{http}{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return answer.headers.get("results-cache-status"), json.loads(answer.read())


def read():
    status, answer = post("/api/v1/query", {"query": "SELECT sum(i) AS s FROM t"})
    return status, total(answer)


def total(answer):
    rows = answer.get("rows", answer.get("data"))
    row = rows[0]
    return int(row["s"] if isinstance(row, dict) else row[0])


def check(name, write):
    read()
    primed, before = read()
    write()
    status, after = read()
    results[name] = [primed, status, after - before]


def connect(autocommit=True):
    return adbc.connect(uri, db_kwargs={"username": "any", "password": key}, autocommit=autocommit)


with connect() as connection, connection.cursor() as cursor:
    cursor.execute("CREATE TABLE t (i BIGINT)")
    cursor.execute("INSERT INTO t VALUES (1)")
    check("update", lambda: cursor.execute("INSERT INTO t VALUES (10)"))
    check("prepared update", lambda: cursor.executemany("INSERT INTO t VALUES (?)", [(20,), (30,)]))
    check("ingest", lambda: cursor.adbc_ingest("t", pa.table({"i": pa.array([7, 8], pa.int64())}), mode="append"))
    check("query that returns rows", lambda: (cursor.execute("INSERT INTO t VALUES (3) RETURNING i"), cursor.fetchall()))
    check("view", lambda: cursor.execute("CREATE OR REPLACE TABLE t AS SELECT i + 1 AS i FROM t"))
    check("HTTP", lambda: post("/api/v1/query", {"query": "INSERT INTO t VALUES (100)"}))
    statements = [{"query": "INSERT INTO t VALUES (5)"}, {"query": "INSERT INTO t VALUES (6)"}]
    check("batch", lambda: post("/api/v1/batch", {"queries": statements}))

    def fail():
        try:
            cursor.execute("INSERT INTO t SELECT CASE WHEN i >= 100 THEN error('no')::BIGINT ELSE i END FROM t")
        except Exception:
            pass

    check("failed update", fail)
    check("explain analyze", lambda: (cursor.execute("EXPLAIN ANALYZE INSERT INTO t VALUES (9)"), cursor.fetchall()))

with connect(autocommit=False) as connection, connection.cursor() as cursor:

    def transact():
        cursor.execute("INSERT INTO t VALUES (1000)")
        cursor.execute("ALTER TABLE t ADD COLUMN IF NOT EXISTS j INTEGER")
        cursor.execute("INSERT INTO t (i) VALUES (1)")
        inside = read()
        assert inside[0] == "HIT", inside
        connection.commit()

    check("transaction", transact)
    check("rollback", lambda: (cursor.execute("INSERT INTO t (i) VALUES (5000)"), connection.rollback()))

print(json.dumps(results))
