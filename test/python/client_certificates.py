"""Queries over TLS with and without client certificates; prints what each got."""
import json
import sys

from pyarrow import flight

uri, ca, cert, key, foreign_cert, foreign_key = sys.argv[1:7]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def client(*pair):
    options = {"cert_chain": read(pair[0]), "private_key": read(pair[1])} if pair else {}
    return flight.FlightClient(uri, tls_root_certs=read(ca), **options)


def fetch(connection, *headers):
    options = flight.FlightCallOptions(headers=list(headers), timeout=20)
    info = connection.get_flight_info(flight.FlightDescriptor.for_command("SELECT 42 AS x"), options)
    return connection.do_get(info.endpoints[0].ticket, options).read_all().to_pylist()


def logged_in():
    connection = client(cert, key)
    return fetch(connection, connection.authenticate_basic_token("any", "etl-key"))


def attempt(run):
    try:
        return run()
    except Exception as error:  # the test compares the text
        return {"text": str(error)[:500]}


print(
    json.dumps(
        {
            "with_certificate": attempt(lambda: fetch(client(cert, key))),
            "with_login": attempt(logged_in),
            "with_wrong_key": attempt(lambda: fetch(client(cert, key), (b"x-api-key", b"wrong"))),
            "with_foreign_certificate": attempt(lambda: fetch(client(foreign_cert, foreign_key))),
            "without_certificate": attempt(lambda: fetch(client())),
        }
    )
)
