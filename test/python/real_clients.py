"""Uses the gateway with pyarrow, ADBC, pandas and polars; prints one JSON object, an entry for each step.

real_clients.py URI USER KEY
"""
import base64
import json
import sys

import adbc_driver_flightsql.dbapi as adbc
import pandas
import polars
import pyarrow.flight as flight
from adbc_driver_flightsql import DatabaseOptions

uri, user, key = sys.argv[1:]
seen = {}


def step(function):
    """Records the result of a step, or the class and text of its error."""
    try:
        seen[function.__name__] = function()
    except Exception as error:
        status = getattr(error, "status_code", None)
        seen[function.__name__] = {"error": type(error).__name__, "text": str(error), "status": status and status.name}


def options(*headers, timeout=None):
    return flight.FlightCallOptions(headers=[(name, value.encode()) for name, value in headers], timeout=timeout)


with_key = options((b"x-api-key", key))


def read(client, sql, call_options=None):
    info = client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()), call_options)
    return client.do_get(info.endpoints[0].ticket, call_options).read_all().to_pylist()


class BasicAuthPayload(flight.ClientAuthHandler):
    """Handshake with the credentials as BasicAuth message; the answer is sent with each call."""

    def __init__(self, password):
        super().__init__()
        self.password = password
        self.token = b""

    def authenticate(self, outgoing, incoming):
        outgoing.write(flight.BasicAuth(user, self.password).serialize())
        self.token = incoming.read()

    def get_token(self):
        return self.token


@step
def pyarrow_basic_token():
    client = flight.connect(uri)
    header = client.authenticate_basic_token(user, key)
    return read(client, "SELECT 42 AS answer", flight.FlightCallOptions(headers=[header]))


@step
def pyarrow_auth_handler():
    client = flight.connect(uri)
    client.authenticate(BasicAuthPayload(key))
    return read(client, "SELECT 42 AS answer")


@step
def pyarrow_auth_handler_wrong():
    flight.connect(uri).authenticate(BasicAuthPayload("wrong"))


@step
def pyarrow_wrong_password():
    flight.connect(uri).authenticate_basic_token(user, "wrong")


@step
def pyarrow_no_credentials():
    return read(flight.connect(uri), "SELECT 1")


@step
def pyarrow_headers():
    client = flight.connect(uri)
    basic = base64.b64encode(f"{user}:{key}".encode()).decode()
    each = [(b"x-api-key", key), (b"authorization", f"Bearer {key}"), (b"authorization", f"Basic {basic}")]
    return [read(client, "SELECT 42 AS answer", options(header)) for header in each]


@step
def pyarrow_waits_and_lists():
    client = flight.connect(uri)
    client.wait_for_available(timeout=30)
    return {
        "flights": len(list(client.list_flights(options=with_key))),
        "actions": sorted(action.type for action in client.list_actions(with_key)),
    }


@step
def pyarrow_syntax_error():
    return read(flight.connect(uri), "SELEC 1", with_key)


@step
def pyarrow_unknown_table():
    return read(flight.connect(uri), "SELECT * FROM nope", with_key)


@step
def pyarrow_timeout():
    slow = "SELECT sum(hash(a.range * 31 + b.range)) FROM range(100000) a, range(100000) b"
    return read(flight.connect(uri), slow, options((b"x-api-key", key), timeout=0.5))


@step
def pyarrow_cancel():
    client = flight.connect(uri)
    descriptor = flight.FlightDescriptor.for_command(b"SELECT range FROM range(100000000000)")
    reader = client.do_get(client.get_flight_info(descriptor, with_key).endpoints[0].ticket, with_key)
    rows = reader.read_chunk().data.num_rows
    reader.cancel()
    try:
        while True:
            reader.read_chunk()
    except flight.FlightCancelledError:
        return rows > 0


@step
def pyarrow_exchange():
    writer, reader = flight.connect(uri).do_exchange(flight.FlightDescriptor.for_command(b"x"), with_key)
    writer.done_writing()
    reader.read_chunk()


@step
def pyarrow_schema():
    schema = flight.connect(uri).get_schema(flight.FlightDescriptor.for_command(b"SELECT 1 AS a, 'x' AS b"), with_key)
    return schema.schema.to_string(show_field_metadata=False)


def adbc_connect(**db_kwargs):
    return adbc.connect(uri, db_kwargs=db_kwargs, autocommit=True)


@step
def adbc_user_and_password():
    with adbc_connect(username=user, password=key) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 42 AS answer, 'x' AS text, DATE '2026-01-02' AS day, 1.50::DECIMAL(9, 2) AS price")
        return [str(value) for value in cursor.fetchone()]


@step
def adbc_bearer():
    header = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {key}"}
    with adbc_connect(**header) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 42 AS answer")
        return cursor.fetchall()


@step
def adbc_header():
    header = {DatabaseOptions.RPC_CALL_HEADER_PREFIX.value + "x-api-key": key}
    with adbc_connect(**header) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 42 AS answer")
        return cursor.fetchall()


@step
def adbc_wrong_password():
    with adbc_connect(username=user, password="wrong") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@step
def adbc_syntax_error():
    with adbc_connect(username=user, password=key) as connection, connection.cursor() as cursor:
        cursor.execute("SELEC 1")


@step
def adbc_unknown_table():
    with adbc_connect(username=user, password=key) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nope")


@step
def adbc_writes_once():
    with adbc_connect(username=user, password=key) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE made_by_adbc (i INTEGER)")
        cursor.execute("INSERT INTO made_by_adbc VALUES (1), (2)")
        cursor.execute("SELECT i FROM made_by_adbc ORDER BY i")
        return [row[0] for row in cursor.fetchall()]


@step
def data_frames():
    with adbc_connect(username=user, password=key) as connection:
        sql = "SELECT i, 'v' || i AS v FROM range(1000) t(i)"
        by_pandas = pandas.read_sql(sql, connection)
        by_polars = polars.read_database(sql, connection)
        return [int(by_pandas["i"].sum()), by_pandas["v"].iloc[-1], int(by_polars["i"].sum()), by_polars["v"][-1]]


@step
def sums():
    with adbc_connect(username=user, password=key) as connection:
        sql = "SELECT i % 2 AS g, sum(i) AS s, any_value('6f9619ff-8b86-d011-b42d-00c04fc964ff'::UUID) AS u FROM range(10) t(i) GROUP BY g ORDER BY g"
        by_pandas = pandas.read_sql(sql, connection)
        by_polars = polars.read_database(sql, connection)
        return [int(by_pandas["s"].sum()), by_pandas["u"][0], int(by_polars["s"].sum()), by_polars["u"][1]]


print(json.dumps(seen))
