"""Asks for estimates with pyarrow, and runs statements with the header through ADBC; prints one JSON object.

estimates.py URI
"""
import json
import sys

import adbc_driver_flightsql.dbapi as adbc
import pyarrow.flight as flight

client = flight.connect(sys.argv[1])


def metadata(sql, headers=()):
    options = flight.FlightCallOptions(headers=list(headers))
    info = client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()), options)
    rows = client.do_get(info.endpoints[0].ticket, options).read_all().num_rows
    return [info.app_metadata.decode(), info.total_records, info.total_bytes, rows]


asked = [(b"x-flightgate-estimate", b"true")]
header = {"adbc.flight.sql.rpc.call_header.x-flightgate-estimate": "true"}
with adbc.connect(sys.argv[1], db_kwargs=header, autocommit=True) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT i FROM t WHERE i < 3")
    direct = cursor.fetchall()
    cursor.execute("SELECT i FROM t WHERE i < ?", (3,))
    bound = cursor.fetchall()
print(
    json.dumps(
        {
            "plain": metadata("SELECT i FROM t"),
            "asked": metadata("SELECT i FROM t", asked),
            "adbc": [len(direct), len(bound)],
        }
    )
)
