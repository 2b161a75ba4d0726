"""Reads statements from sources with pyarrow and ADBC; prints schema and values as text: bigquery_types.py URI [SOURCE SQL]..."""
import math
import sys

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa
import pyarrow.flight as flight
from steps import read, report, seen

uri = sys.argv[1]
client = flight.connect(uri)


def plain(value):
    """A value with all its digits, as text that JSON keeps."""
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "months"):
        return [plain(member) for member in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    return str(value)


def described(table):
    metadata = {key.decode(): value.decode() for field in table.schema for key, value in (field.metadata or {}).items() if not key.startswith(b"ARROW:FLIGHT")}
    return {
        "schema": [f"{field.name} {field.type}{'' if field.nullable else ' not null'}" for field in table.schema],
        "metadata": {
            field.name: {key.decode(): value.decode() for key, value in (field.metadata or {}).items() if not key.startswith(b"ARROW:FLIGHT")}
            for field in table.schema
            if field.metadata
        },
        "columns": {name: plain(table[name].to_pylist()) for name in table.column_names},
    }


def through_adbc(source, sql):
    option = adbc_driver_flightsql.DatabaseOptions.RPC_CALL_HEADER_PREFIX.value + "x-flightgate-source"
    with adbc.connect(uri, db_kwargs={option: source}, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table()


pairs = sys.argv[2:]
for source, sql in zip(pairs[::2], pairs[1::2]):
    options = flight.FlightCallOptions(headers=[(b"x-flightgate-source", source.encode())])
    for client_name, work in {"pyarrow": lambda: read(client, sql, options), "adbc": lambda: through_adbc(source, sql)}.items():
        try:
            seen[f"{client_name} {source} {sql}"] = described(work())
        except Exception as error:
            seen[f"{client_name} {source} {sql}"] = {"error": f"{type(error).__name__}: {error}"}
report()
