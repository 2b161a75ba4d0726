"""Uses table names of several sources as listed by the catalog, with pyarrow and ADBC; prints one JSON object, an entry for each
step.

names.py URI
"""
import sys

import adbc_driver_flightsql.dbapi as adbc
import pyarrow
import pyarrow.flight as flight
from steps import read, report, step

uri = sys.argv[1]
login = {"username": "me", "password": "etl-key"}
client = flight.connect(uri)


def client_options():
    return flight.FlightCallOptions(headers=[client.authenticate_basic_token("me", "etl-key")])


options = client_options()
key_only = flight.FlightCallOptions(headers=[(b"x-api-key", b"etl-key")])
connection = adbc.connect(uri, db_kwargs=login, autocommit=True)


def one(sql, to=connection, parameters=None):
    with to.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def arrow(sql, with_options=options):
    return read(client, sql, with_options).to_pylist()


@step
def typed_back():
    failed = []
    tables = []
    for entry in connection.adbc_get_objects(depth="tables").read_all().to_pylist():
        for schema in entry["catalog_db_schemas"]:
            for table in schema["db_schema_tables"]:
                tables.append([entry["catalog_name"], schema["db_schema_name"], table["table_name"]])
    for parts in tables:
        for name in (".".join(parts), ".".join(f'"{part}"' for part in parts), ".".join(parts).upper()):
            try:
                arrow(f"SELECT count(*) AS n FROM {name}")
                one(f"SELECT count(*) AS n FROM {name}")
            except Exception as error:
                failed.append([name, str(error)])
    return {"tables": sorted({".".join(parts) for parts in tables}), "failed": failed}


@step
def reads():
    return {
        "default": arrow("SELECT who FROM t"),
        "second": arrow("SELECT who FROM second.main.t"),
        "upper": arrow('SELECT who FROM SECOND."MAIN".T'),
        "two parts": arrow("SELECT who FROM second.t"),
        "two parts of a schema": arrow("SELECT who FROM other.t"),
        "a schema called as a source": arrow("SELECT far.t.who FROM far.t"),
        "remote": arrow("SELECT who FROM remote.main.t"),
        "by the name of the source": arrow("SELECT who FROM lake.tpch.nation, (SELECT 'lake.tpch' AS who) LIMIT 1"),
        "columns of a table": len(arrow("SELECT lake.tpch.nation.n_name FROM lake.tpch.nation WHERE lake.tpch.nation.n_nationkey = 1")),
        "joined within": arrow("SELECT a.who FROM second.main.t a JOIN second.other.t b ON true"),
        "in a string": arrow("SELECT who, ' FROM second.main.t ' AS s FROM t"),
        "in a comment": arrow("SELECT who -- FROM second.main.t\nFROM /* second.main.t, */ t"),
        "an alias": arrow("SELECT second.who.x FROM (SELECT {'x': who} AS who FROM t) AS second"),
        "a CTE": arrow("WITH second AS (SELECT {'x': {'y': who}} AS s FROM t) SELECT second.s.x.y AS z FROM second"),
        "a function": arrow("SELECT extract(year FROM second.d.x) AS y FROM (SELECT {'x': DATE '2024-02-03'} AS d) second"),
        "with the header": arrow(
            "SELECT who FROM t", flight.FlightCallOptions(headers=[(b"x-api-key", b"etl-key"), (b"x-flightgate-source", b"second")])
        ),
    }


@step
def several():
    return arrow("SELECT * FROM demo.main.t JOIN second.main.t USING (who)")


@step
def several_in_an_insert():
    return one("INSERT INTO demo.main.t SELECT * FROM second.main.t")


@step
def writes():
    with connection.cursor() as cursor:
        inserted = cursor.adbc_execute_schema("SELECT who FROM second.main.t").names
        cursor.execute("INSERT INTO second.main.kept VALUES (?)", ["bound"])
        cursor.executemany("INSERT INTO remote.main.kept VALUES (?)", [["a"], ["b"]])
        cursor.adbc_ingest("kept", pyarrow.table({"who": ["taken in"]}), mode="append", catalog_name="second")
        cursor.adbc_ingest("kept", pyarrow.table({"who": ["far"]}), mode="append", catalog_name="REMOTE", db_schema_name="main")
        cursor.adbc_prepare("SELECT who FROM second.main.kept WHERE who = ?")
        cursor.execute("SELECT who FROM second.main.kept WHERE who = ?", ["bound"])
        prepared = cursor.fetchall()
    return {
        "schema": inserted,
        "prepared": prepared,
        "second": one("SELECT who FROM second.main.kept ORDER BY 1"),
        "remote": one("SELECT who FROM remote.main.kept ORDER BY 1"),
    }


@step
def polled():
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.statement.exec.incremental": "true"})
        partitions, _ = cursor.adbc_execute_partitions("SELECT who FROM second.main.t")
        while not partitions:
            partitions, _ = cursor.adbc_execute_partitions("SELECT who FROM second.main.t")
        cursor.adbc_read_partition(partitions[0])
        return cursor.fetchall()


@step
def in_transactions():
    with adbc.connect(uri, db_kwargs=login) as own:
        first = one("SELECT who FROM second.main.t", own)
        one("INSERT INTO second.main.kept VALUES ('undone')", own)
        try:
            one("SELECT who FROM demo.main.t", own)
            other = "answered"
        except Exception as error:
            other = str(error)
        own.rollback()
        again = one("SELECT who FROM demo.main.t", own)
        own.rollback()
        undone = one("SELECT count(*) FROM second.main.kept WHERE who = 'undone'", own)
        own.rollback()
        one("USE second", own)
        return {"first": first, "other": other, "again": again, "undone": undone, "used": one("SELECT who FROM t", own)}


@step
def use():
    with adbc.connect(uri, db_kwargs=login, autocommit=True) as own:
        out = [one("SELECT who FROM t", own)]
        with own.cursor() as cursor:
            cursor.execute("USE second")
            rows = cursor.fetchall()
        out.append(one("SELECT who FROM t", own))
        one('USE "SECOND".other;', own)
        out.append(one("SELECT who FROM t", own))
        one("use main", own)
        out.append(one("SELECT who FROM t", own))
        out.append(one("SELECT who FROM demo.main.t", own))
        with own.cursor() as cursor:
            cursor.adbc_prepare("USE remote")
            cursor.execute("USE remote")
        out.append(one("SELECT who FROM t", own))
        own.adbc_current_catalog = "SECOND"
        out.append(one("SELECT who FROM t", own))
        own.adbc_current_catalog = "far"
        out.append(one("SELECT who FROM t", own))
        own.adbc_current_catalog = "demo"
        out.append(one("SELECT who FROM t", own))
        return {"rows": rows, "answers": [rows[0][0] for rows in out]}


@step
def use_with_pyarrow():
    own = client_options()
    read(client, "USE far", own)
    return [arrow("SELECT who FROM t", own), arrow("SELECT who FROM t")]


@step
def use_nothing():
    return arrow("USE nothing", client_options())


@step
def use_without_a_session():
    return arrow("USE second", key_only)


report()
