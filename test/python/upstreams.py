"""Reads and changes data through sources in front of other servers, with pyarrow and ADBC; prints one JSON object, an
entry for each step.

upstreams.py URI
"""
import datetime
import decimal
import json
import sys
import time

import adbc_driver_flightsql.dbapi as adbc
import pyarrow
import pyarrow.flight as flight

uri = sys.argv[1]
seen = {}
client = flight.connect(uri)


def step(function):
    """Records the result of a step, or the class and text of its error."""
    try:
        seen[function.__name__] = function()
    except Exception as error:
        status = getattr(error, "status_code", None)
        seen[function.__name__] = {"error": type(error).__name__, "text": str(error), "status": status and status.name}


def options(source):
    return flight.FlightCallOptions(headers=[(b"x-flightgate-source", source.encode()), (b"x-api-key", b"w")])


def read(source, sql):
    info = client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()), options(source))
    assert info.endpoints[0].locations == []
    return client.do_get(info.endpoints[0].ticket, options(source)).read_all()


def connect(source):
    headers = {
        "adbc.flight.sql.rpc.call_header.x-flightgate-source": source,
        "adbc.flight.sql.authorization_header": "Bearer w",
    }
    return adbc.connect(uri, db_kwargs=headers, autocommit=True)


@step
def dremio_rows():
    return [read("lake", "SELECT count(*) AS n FROM tpch.lineitem").to_pylist(), read("lake", "SELECT * FROM tpch.lineitem").num_rows]


@step
def dremio_equal():
    direct = flight.connect(json.loads(sys.argv[2])["dremio"])
    token = flight.FlightCallOptions(headers=[direct.authenticate_basic_token("dremio", "dremio123")])
    info = direct.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT * FROM tpch.orders ORDER BY 1"), token)
    expected = direct.do_get(info.endpoints[0].ticket, token).read_all()
    return read("lake", "SELECT * FROM tpch.orders ORDER BY 1").equals(expected)


@step
def dremio_big_batch():
    return read("lake", "SELECT * FROM fault('big_batch', 40)").nbytes > 40 << 20


@step
def dremio_bad_sql():
    read("lake", "SELEC")


@step
def dremio_forbidden():
    read("lake", "SELECT * FROM fault('plan_permission', 0)")


@step
def dremio_no_rows():
    return read("lake", "SELECT * FROM tpch.nation WHERE 1 = 2").num_rows


@step
def dremio_session():
    return read("lake", "SELECT * FROM fault('session', 0)").to_pylist()[0]["properties"]


@step
def dremio_use():
    read("lake", "USE tpch")


@step
def dremio_write():
    rows = read("lake", "CREATE TABLE tpch.made AS SELECT 1 AS i")
    return [rows.num_rows, read("lake", "SELECT * FROM tpch.made").to_pylist()]


@step
def dremio_cancel():
    info = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT * FROM fault('hang', 2)"), options("lake"))
    reader = client.do_get(info.endpoints[0].ticket, options("lake"))
    rows = reader.read_chunk().data.num_rows
    reader.cancel()
    return rows


@step
def dremio_adbc():
    with connect("lake") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT n_name FROM tpch.nation ORDER BY n_nationkey LIMIT 2")
        rows = [list(row) for row in cursor.fetchall()]
        objects = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
        tables = [
            f'{entry["catalog_name"]}.{schema["db_schema_name"]}.{table["table_name"]}'
            for entry in objects
            for schema in entry["catalog_db_schemas"]
            for table in schema["db_schema_tables"]
        ]
        schema = connection.adbc_get_table_schema("nation", catalog_filter="lake", db_schema_filter="tpch")
        return {"rows": rows, "tables": tables, "columns": schema.names}


@step
def dremio_parameters():
    with connect("lake") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT n_name FROM tpch.nation WHERE n_nationkey = ? AND n_name <> ?", (3, "it's '?' -- no"))
        one = [list(row) for row in cursor.fetchall()]
        values = (1, "o'clock", 1.5, True, decimal.Decimal("-12.34"), datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 1, 2, 3, 4000), None)
        cursor.execute("SELECT ?, ?, ?, ?, ?, ?, ?, ? /* ? */", values)
        many = cursor.fetchone()
        batch = pyarrow.record_batch({"key": [0, 1, 2]})
        cursor.execute("SELECT n_nationkey FROM tpch.nation WHERE n_nationkey = ?", batch)
        return {"one": len(one), "same": list(map(str, many)) == list(map(str, values)), "many": str(many), "rows": [row[0] for row in cursor.fetchall()]}


@step
def dremio_changes_with_parameters():
    with connect("lake") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE tpch.texts AS SELECT * FROM (VALUES ('5'), ('6'), ('bad')) AS t (s)")
        cursor.execute("CREATE TABLE tpch.counted (i INTEGER, s VARCHAR)")
        cursor.execute("INSERT INTO tpch.counted VALUES (?, ?)", (1, "a"))
        counts = [cursor.rowcount]
        cursor.executemany("INSERT INTO tpch.counted VALUES (?, ?)", [(2, "b"), (3, "c"), (4, None)])
        counts.append(cursor.rowcount)
        cursor.executemany("UPDATE tpch.counted SET s = 'd' WHERE i > ?", [(1,), (2,), (9,)])
        counts.append(cursor.rowcount)
        failures = []
        for texts in (["6", "5", "bad", "5"], ["bad", "5"]):
            try:
                cursor.executemany("INSERT INTO tpch.counted SELECT CAST(s AS INTEGER), 'e' FROM tpch.texts WHERE s = ?", [(text,) for text in texts])
            except Exception as error:
                failures.append(str(error))
        cursor.execute("SELECT i FROM tpch.counted ORDER BY i")
        return {"counts": counts, "failures": failures, "rows": [row[0] for row in cursor.fetchall()]}


@step
def sqlite_adbc():
    with connect("lite") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT keyName FROM intTable WHERE id = ?", (2,))
        bound = [list(row) for row in cursor.fetchall()]
        cursor.executemany("INSERT INTO intTable VALUES (?, ?, ?, ?)", [(20, "a", 1, 1), (21, "b", 2, 1)])
        changed = cursor.rowcount
        cursor.execute("SELECT count(*) FROM intTable WHERE id >= 20")
        count = cursor.fetchone()[0]
        cursor.execute("DELETE FROM intTable WHERE id >= 20")
        return {"bound": bound, "changed": changed, "count": count, "types": connection.adbc_get_table_types()}


@step
def sqlite_transactions():
    login = {"username": "w", "password": "w", "adbc.flight.sql.rpc.call_header.x-flightgate-source": "lite"}
    count = "SELECT count(*) FROM intTable WHERE id = 50"
    seen = []
    with adbc.connect(uri, db_kwargs=login) as connection:
        for end in (connection.rollback, connection.commit):
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO intTable VALUES (?, 'a', 1, 1)", (50,))
                cursor.execute(count)
                seen.append(cursor.fetchone()[0])
            end()
            with connection.cursor() as cursor:
                cursor.execute(count)
                seen.append(cursor.fetchone()[0])
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM intTable WHERE id = 50")
        connection.commit()
    return seen


@step
def dremio_schema_of_session():
    login = {"username": "w", "password": "w", "adbc.flight.sql.rpc.call_header.x-flightgate-source": "lake"}
    with adbc.connect(uri, db_kwargs=login, autocommit=True) as connection:
        connection.adbc_current_db_schema = "tpch"
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM nation")
            count = cursor.fetchone()[0]
        try:
            connection.adbc_current_db_schema = "nowhere"
        except Exception as error:
            refused = str(error)
    # Other sessions are unchanged.
    with adbc.connect(uri, db_kwargs=login, autocommit=True) as connection, connection.cursor() as cursor:
        try:
            cursor.execute("SELECT count(*) FROM nation")
            other = "found"
        except Exception as error:
            other = str(error)
    return [count, "invalid value" in refused, "nation" in other]


@step
def union_of_sources():
    with adbc.connect(uri, db_kwargs={"adbc.flight.sql.authorization_header": "Bearer w"}, autocommit=True) as connection:
        objects = connection.adbc_get_objects(depth="catalogs").read_all().to_pylist()
        return sorted(entry["catalog_name"] for entry in objects)


@step
def catalog_chooses_source():
    with adbc.connect(uri, db_kwargs={"username": "w", "password": "w"}, autocommit=True) as connection:
        connection.adbc_current_catalog = "main"
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM foreignTable")
            return cursor.fetchone()[0]


print(json.dumps(seen, default=str))
