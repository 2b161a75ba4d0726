"""Queries with a token in each way that Python clients pass one, and fetches its ticket with two others; prints what each got."""
import json
import sys

import adbc_driver_flightsql.dbapi as adbc
from adbc_driver_flightsql import DatabaseOptions
from pyarrow import flight

uri, token, renewed, foreign = sys.argv[1:5]
SQL = "SELECT 42 AS x"


def attempt(run):
    try:
        return run()
    except Exception as error:  # the test compares the text
        return {"text": str(error)[:500]}


def fetch(options):
    client = flight.FlightClient(uri)
    info = client.get_flight_info(flight.FlightDescriptor.for_command(SQL), options)
    return client.do_get(info.endpoints[0].ticket, options).read_all().to_pylist()


def options_of(value):
    return flight.FlightCallOptions(headers=[(b"authorization", value.encode())])


def with_header(value):
    return fetch(options_of(value))


def ticket_with(other):
    client = flight.FlightClient(uri)
    info = client.get_flight_info(flight.FlightDescriptor.for_command(SQL), options_of(f"Bearer {token}"))
    return client.do_get(info.endpoints[0].ticket, options_of(f"Bearer {other}")).read_all().to_pylist()


def after_login():
    client = flight.FlightClient(uri)
    header = client.authenticate_basic_token("anyone", token)
    assert token not in header[1].decode()
    return fetch(flight.FlightCallOptions(headers=[header]))


def adbc_rows(options):
    with adbc.connect(uri, db_kwargs=options) as connection, connection.cursor() as cursor:
        return rows(cursor)


def rows(cursor):
    cursor.execute(SQL)
    return [list(row) for row in cursor.fetchall()]


print(
    json.dumps(
        {
            "pyarrow_bearer": attempt(lambda: with_header(f"Bearer {token}")),
            "pyarrow_login": attempt(after_login),
            "adbc_bearer": attempt(lambda: adbc_rows({DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"})),
            "adbc_password": attempt(lambda: adbc_rows({"username": "anyone", "password": token})),
            "renewed": attempt(lambda: ticket_with(renewed)),
            "stolen": attempt(lambda: ticket_with(foreign)),
        }
    )
)
