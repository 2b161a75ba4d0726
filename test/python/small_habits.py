"""Uploads without rows, and the schema of a session that has neither a login nor cookies. small_habits.py URI"""
import sys

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa
import pyarrow.flight as flight
from commands import field, packed, varint
from steps import connect, read, report, step

(uri,) = sys.argv[1:]
schema = pa.schema([("i", pa.int32()), ("s", pa.string())])


def ingest(name, data, mode):
    with connect(uri) as connection, connection.cursor() as cursor:
        return cursor.adbc_ingest(name, data, mode=mode)


def columns(name):
    with flight.connect(uri) as client:
        return str(read(client, f"SELECT * FROM {name}").schema.to_string(show_field_metadata=False))


@step
def adbc_without_batches():
    return [
        ingest("here", pa.RecordBatchReader.from_batches(schema, []), "append"),
        ingest("here", schema.empty_table(), "append"),
    ]


@step
def adbc_batch_of_no_rows():
    empty = pa.RecordBatch.from_pylist([], schema)
    return [ingest("made_by_adbc", pa.RecordBatchReader.from_batches(schema, [empty]), "create"), columns("made_by_adbc")]


@step
def pyarrow_without_batches():
    # CommandStatementIngest: table_definition_options {if_not_exist: CREATE, if_exists: FAIL}, table.
    options = varint(1 << 3) + varint(1) + varint(2 << 3) + varint(1)
    command = packed("CommandStatementIngest", field(1, options) + field(2, "made_by_pyarrow"))
    with flight.connect(uri) as client:
        writer, reader = client.do_put(flight.FlightDescriptor.for_command(command), schema)
        writer.done_writing()
        reader.read()
        writer.close()
    return columns("made_by_pyarrow")


@step
def schema_of_a_session():
    with connect(uri) as connection, connection.cursor() as cursor:
        connection.adbc_current_db_schema = "other"
        cursor.execute("SELECT x FROM only_other")
        return [connection.adbc_current_db_schema, cursor.fetchall()]


@step
def schema_of_the_next():
    with connect(uri) as connection:
        return connection.adbc_current_db_schema


@step
def schema_with_cookies():
    options = {"adbc.flight.sql.rpc.with_cookie_middleware": "true"}
    with adbc.connect(uri, db_kwargs=options, autocommit=True) as connection, connection.cursor() as cursor:
        connection.adbc_current_db_schema = "other"
        cursor.execute("SELECT x FROM only_other")
        return [connection.adbc_current_db_schema, cursor.fetchall()]


report()
