"""Uploads chunks above the message limit, and in the ways that docs/clients.md describes; prints one JSON object.

upload_limit.py URI [MAX_MESSAGE_BYTES]
"""
import sys

import adbc_driver_flightsql.dbapi as adbc
import pandas
import pyarrow as pa
from steps import report, step

uri, largest = sys.argv[1], sys.argv[2:]
table = pa.table({"i": pa.array(range(3_000_000), pa.int64())})
options = {"adbc.flight.sql.client_option.with_max_msg_size": largest[0]} if largest else {}
connection = adbc.connect(uri, db_kwargs=options, autocommit=True)


@step
def one_chunk():
    with connection.cursor() as cursor:
        return cursor.adbc_ingest("one_chunk", table, mode="create")


@step
def small_chunks():
    with connection.cursor() as cursor:
        return cursor.adbc_ingest("small_chunks", table.to_reader(max_chunksize=100_000), mode="create")


@step
def frame():
    return pandas.DataFrame({"i": range(3_000_000)}).to_sql("frame", connection, index=False)


@step
def many_parameters():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE many_parameters (i BIGINT)")
        cursor.executemany("INSERT INTO many_parameters VALUES (?)", table.slice(0, 300).to_reader(max_chunksize=100))
        cursor.execute("SELECT count(*)::BIGINT FROM many_parameters")
        return cursor.fetchone()[0]


report()
