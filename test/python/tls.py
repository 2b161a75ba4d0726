"""Reads by pyarrow and by ADBC over TLS; prints one JSON object, an entry for each step.

tls.py URI CA_FILE OTHER_CA_FILE
"""
import sys
from pathlib import Path

import adbc_driver_flightsql.dbapi as adbc
import pyarrow.flight as flight
from steps import read, report, step

uri, ca, other_ca = sys.argv[1], Path(sys.argv[2]).read_bytes(), Path(sys.argv[3]).read_bytes()
quick = flight.FlightCallOptions(timeout=30)


@step
def pyarrow_with_our_ca():
    return read(flight.connect(uri, tls_root_certs=ca), "SELECT 42 AS x", quick).to_pylist()


@step
def pyarrow_with_another_ca():
    read(flight.connect(uri, tls_root_certs=other_ca), "SELECT 42 AS x", quick)


@step
def pyarrow_without_tls():
    read(flight.connect(uri.replace("grpc+tls", "grpc")), "SELECT 42 AS x", quick)


@step
def adbc_with_our_ca():
    with adbc.connect(uri, db_kwargs={"adbc.flight.sql.client_option.tls_root_certs": ca.decode()}, autocommit=True) as c:
        with c.cursor() as cursor:
            cursor.execute("SELECT 42 AS x")
            return cursor.fetch_arrow_table().to_pylist()


@step
def adbc_with_another_ca():
    with adbc.connect(uri, db_kwargs={"adbc.flight.sql.client_option.tls_root_certs": other_ca.decode()}) as c:
        with c.cursor() as cursor:
            cursor.execute("SELECT 42 AS x")


report()
