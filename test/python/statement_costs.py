"""Reads what a statement costs, and limits it, with pyarrow and ADBC; prints one JSON object.

statement_costs.py URI SMALL LARGE
"""
import json
import sys

import adbc_driver_flightsql.dbapi as adbc
import pyarrow
import pyarrow.flight as flight

uri, small, large = sys.argv[1:]
client = flight.connect(uri)


def info(sql, **headers):
    options = flight.FlightCallOptions(headers=[(name.encode(), value.encode()) for name, value in headers.items()])
    return client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()), options)


def outcome(sql, conn_kwargs=None, db_kwargs=None):
    try:
        with adbc.connect(uri, db_kwargs=db_kwargs, conn_kwargs=conn_kwargs, autocommit=True) as connection:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return len(cursor.fetchall())
    except adbc.Error as error:
        return str(error)


only = info(large, **{"x-flightgate-estimate": "only"})
try:
    refused = info(large, **{"x-flightgate-max-cost-usd": "0.25"})
except pyarrow.ArrowException as error:
    refused = str(error)
option = {"adbc.flight.sql.session.option.max_cost_usd": "0.25"}
header = {"adbc.flight.sql.rpc.call_header.x-flightgate-max-cost-usd": "0.25"}
print(
    json.dumps(
        {
            "only": [len(only.endpoints), json.loads(only.app_metadata)["estimate"]["billable_bytes"]],
            "refused": str(refused),
            "adbc": [outcome(small, conn_kwargs=option), outcome(small, db_kwargs=header)],
            "adbc refused": [outcome(large, conn_kwargs=option), outcome(large, db_kwargs=header)],
            "adbc only": outcome(large, db_kwargs={"adbc.flight.sql.rpc.call_header.x-flightgate-estimate": "only"}),
        }
    )
)
