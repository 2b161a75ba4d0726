"""Begins all kinds of work, prints "begun", waits for a line, then finishes it; prints one JSON object, an entry for each step.
Before it ends its transaction it prints "in transaction" and waits for another line.

drain_begun.py URI
"""
import sys

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa
import pyarrow.flight as flight
from steps import connect, report, seen, step

uri = sys.argv[1]
client = flight.connect(uri)
plain = connect(uri)
with plain.cursor() as cursor:
    cursor.execute("CREATE TABLE t (i INTEGER)")
info = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT * FROM range(3)"))
other = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT * FROM range(4)"))
changed = client.get_flight_info(flight.FlightDescriptor.for_command(b"INSERT INTO t VALUES (7) RETURNING i"))
writing = adbc.connect(uri, autocommit=False)
begun = writing.cursor()
begun.execute("DELETE FROM t")
begun.execute("INSERT INTO t VALUES (?)", (1,))
print("begun", flush=True)
sys.stdin.readline()


@step
def new_statement():
    client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT 1"))


@step
def new_schema():
    client.get_schema(flight.FlightDescriptor.for_command(b"SELECT 1"))


@step
def new_prepared():
    with plain.cursor() as cursor:
        cursor.adbc_prepare("SELECT 1")


@step
def new_update():
    with plain.cursor() as cursor:
        cursor.executemany("INSERT INTO t VALUES (?)", [(3,)])


@step
def new_ingest():
    with plain.cursor() as cursor:
        cursor.adbc_ingest("fresh", pa.table({"i": [1]}), mode="create")


@step
def ticket():
    return client.do_get(info.endpoints[0].ticket).read_all().num_rows


@step
def stored_result():
    return client.do_get(changed.endpoints[0].ticket).read_all().column(0).to_pylist()


@step
def cancelled():
    body = other.serialize()
    size = bytes([len(body) & 0x7F | 0x80, len(body) >> 7])
    assert 0x80 <= len(body) < 0x4000
    action = flight.Action("CancelFlightInfo", b"\x0a" + size + body)
    return [result.body.to_pybytes().hex() for result in client.do_action(action)]


@step
def tables():
    objects = plain.adbc_get_objects(depth="tables").read_all().to_pylist()
    schemas = [schema for catalog in objects for schema in catalog["catalog_db_schemas"]]
    return [table["table_name"] for schema in schemas for table in schema["db_schema_tables"] if table["table_name"] == "t"]


@step
def in_transaction():
    begun.execute("INSERT INTO t VALUES (2)")
    begun.execute("SELECT i FROM t ORDER BY i")
    return [list(row) for row in begun.fetchall()]


print("in transaction", flush=True)
sys.stdin.readline()


@step
def transaction_close_prepared():
    begun.close()


@step
def committed():
    writing.commit()


@step
def after_commit():
    with writing.cursor() as cursor:
        cursor.execute("SELECT 1")


@step
def closed():
    writing.close()
    plain.close()


for entry in seen.values():
    if isinstance(entry, dict):
        entry.pop("status")
report()
