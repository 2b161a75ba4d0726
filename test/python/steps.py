"""Steps of a script that drives an endpoint; results and errors are printed as one JSON object at the end."""
import json

import adbc_driver_flightsql.dbapi as adbc
import pyarrow.flight as flight

seen = {}


def step(function):
    """Records the result of a step, or the class, text and status of its error."""
    try:
        seen[function.__name__] = function()
    except Exception as error:
        status = getattr(error, "status_code", None)
        seen[function.__name__] = {"error": type(error).__name__, "text": str(error), "status": status and status.name}


def read(client, sql, options=None):
    """All rows of a statement, as an Arrow table."""
    info = client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()), options)
    return client.do_get(info.endpoints[0].ticket, options).read_all()


def connect(uri):
    """An ADBC connection without a transaction."""
    return adbc.connect(uri, autocommit=True)


def report():
    """Prints the results of the steps."""
    print(json.dumps(seen, default=str))
