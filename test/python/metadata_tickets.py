"""Renews and cancels the endpoints of metadata commands with pyarrow."""
import json
import sys
import time

import pyarrow.flight as flight
from commands import field, packed

uri, key, other_key = sys.argv[1:]


def options(password):
    return flight.FlightCallOptions(headers=[flight.connect(uri).authenticate_basic_token("any", password)])


client = flight.connect(uri)
mine, foreign = options(key), options(other_key)
results = {}


def step(name, work):
    try:
        results[name] = work()
    except Exception as error:
        results[name] = f"{type(error).__name__}: {error}".partition(". Detail")[0]


def act(name, body, who=mine):
    return next(iter(client.do_action(flight.Action(name, body), who))).body.to_pybytes()


def renewed(endpoint, who=mine):
    return flight.FlightEndpoint.deserialize(act("RenewFlightEndpoint", field(1, endpoint.serialize()), who))


def names(endpoint):
    return client.do_get(endpoint.ticket, mine).read_all().column(0).to_pylist()


info = client.get_flight_info(flight.FlightDescriptor.for_command(packed("CommandGetCatalogs")), mine)
endpoint = info.endpoints[0]
time.sleep(0.05)
longer = renewed(endpoint)
step("later", lambda: longer.expiration_time.value > endpoint.expiration_time.value)
step("renewed", lambda: names(longer))
step("renewed again", lambda: names(renewed(longer)))
step("of somebody else", lambda: names(renewed(endpoint, foreign)))
forged = flight.FlightEndpoint(endpoint.ticket.ticket[:-1] + bytes([endpoint.ticket.ticket[-1] ^ 1]), [])
step("forged", lambda: names(renewed(forged)))

# Field 1 of CancelStatus and CancelResult is 3 for "not cancellable".
step("cancel", lambda: list(act("CancelFlightInfo", field(1, info.serialize()))))
step("cancel query", lambda: list(act("CancelQuery", packed("ActionCancelQueryRequest", field(1, info.serialize()))))[-2:])
step("cancel of somebody else's", lambda: list(act("CancelFlightInfo", field(1, info.serialize()), foreign)))
step("after the cancel", lambda: names(endpoint))
statement = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT 1"), mine)
step("cancel a statement", lambda: list(act("CancelFlightInfo", field(1, statement.serialize()))))
print(json.dumps(results))
