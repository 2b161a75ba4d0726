"""Asks for rows of the result cache with pyarrow and ADBC; prints one JSON object.

result_cache.py URI KEY
"""
import json
import sys

import adbc_driver_flightsql.dbapi as adbc
import pyarrow
import pyarrow.flight as flight
from commands import field, packed

uri, key = sys.argv[1:]
told = {}


class Recorder(flight.ClientMiddleware):
    def received_headers(self, headers):
        for name in ("cache-status", "results-cache-status", "age"):
            if name in headers:
                told[name] = headers[name][0]


class Recorders(flight.ClientMiddlewareFactory):
    def start_call(self, info):
        return Recorder()


client = flight.FlightClient(uri, middleware=[Recorders()])


def read(sql, at_get=None, at_info=None, raw=False):
    def options(headers):
        pairs = [(b"x-api-key", key.encode())]
        pairs += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        return flight.FlightCallOptions(headers=pairs)

    told.clear()
    command = sql.encode() if raw else packed("CommandStatementQuery", field(1, sql))
    info = client.get_flight_info(flight.FlightDescriptor.for_command(command), options(at_info))
    try:
        rows = client.do_get(info.endpoints[0].ticket, options(at_get)).read_all().num_rows
    except pyarrow.ArrowException as error:
        return [type(error).__name__, str(error)]
    return [rows, told.get("results-cache-status"), told.get("cache-status"), "age" in told]


def adbc_rows(sql, conn_kwargs=None, db_kwargs=None):
    db = {"adbc.flight.sql.authorization_header": f"Bearer {key}", **(db_kwargs or {})}
    try:
        with adbc.connect(uri, db_kwargs=db, conn_kwargs=conn_kwargs, autocommit=True) as connection:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return len(cursor.fetchall())
    except adbc.Error as error:
        return str(error)


SQL = "SELECT id FROM numbers WHERE id < 3"
header = "adbc.flight.sql.rpc.call_header."
option = "adbc.flight.sql.session.option."
answers = {
    "miss": read(SQL),
    "hit": read(SQL),
    "raw": read(SQL, raw=True)[1],
    "no-cache at GetFlightInfo": read(SQL, at_info={"cache-control": "no-cache"}),
    "no-store at DoGet": read(SQL, at_get={"cache-control": "no-store"}),
    "only-if-cached": read(SQL, at_get={"cache-control": "only-if-cached"}),
    "only-if-cached without rows": read("SELECT id FROM numbers WHERE id < 4", at_get={"cache-control": "only-if-cached"}),
    "malformed": read(SQL, at_get={"cache-control": "max-age=soon"}),
}
for name, arguments in {
    "adbc hit": {},
    "adbc header": {"db_kwargs": {header + "cache-control": "no-store"}},
    "adbc option": {"conn_kwargs": {option + "cache_control": "no-store"}},
    "adbc only-if-cached": {
        "db_kwargs": {header + "cache-control": "only-if-cached"},
        "sql": "SELECT id FROM numbers WHERE id < 5",
    },
}.items():
    answers[name] = adbc_rows(**{"sql": SQL, **arguments})
print(json.dumps(answers))
