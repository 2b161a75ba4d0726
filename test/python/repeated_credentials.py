"""Calls with repeated credentials, as from an interceptor and a call option. repeated_credentials.py URI USER KEY"""
import sys

import adbc_driver_flightsql.dbapi as adbc
import pyarrow.flight as flight
from adbc_driver_flightsql import DatabaseOptions
from steps import report, step

uri, user, key = sys.argv[1:]


class Interceptor(flight.ClientMiddleware):
    def __init__(self, headers):
        self.headers = headers

    def sending_headers(self):
        return self.headers


class Interceptors(flight.ClientMiddlewareFactory):
    def __init__(self, headers):
        self.headers = headers

    def start_call(self, info):
        return Interceptor(self.headers)


def read(by_interceptor, by_option):
    """Reads one row with a header of an interceptor and one of a call option."""
    options = flight.FlightCallOptions(headers=[(name.encode(), value.encode()) for name, value in by_option.items()])
    with flight.connect(uri, middleware=[Interceptors(by_interceptor)]) as client:
        info = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT 42 AS answer"), options)
        return client.do_get(info.endpoints[0].ticket, options).read_all().to_pylist()


@step
def pyarrow_bearer_twice():
    return read({"authorization": f"Bearer {key}"}, {"authorization": f"Bearer {key}"})


@step
def pyarrow_login_token_twice():
    with flight.connect(uri) as client:
        token = client.authenticate_basic_token(user, key)[1].decode()
    return read({"authorization": token}, {"authorization": token})


@step
def pyarrow_api_key_and_source_twice():
    headers = {"x-api-key": key, "x-flightgate-source": "demo"}
    return read(headers, headers)


@step
def pyarrow_different():
    return read({"authorization": f"Bearer {key}"}, {"authorization": "Bearer stale"})


@step
def pyarrow_different_api_keys():
    return read({"x-api-key": key}, {"x-api-key": "stale"})


def adbc_read(bearer):
    options = {
        DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {key}",
        DatabaseOptions.RPC_CALL_HEADER_PREFIX.value + "authorization": bearer,
    }
    with adbc.connect(uri, db_kwargs=options, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 42 AS answer")
        return cursor.fetchall()


@step
def adbc_bearer_twice():
    return adbc_read(f"Bearer {key}")


@step
def adbc_different():
    return adbc_read("Bearer stale")


report()
