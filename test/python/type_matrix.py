"""Prints what pandas and polars show of statements of one column and one row."""
import json
import sys

import adbc_driver_flightsql.dbapi as adbc
import pandas
import polars

uri, lossless, *statements = sys.argv[1:]


def shown(read):
    try:
        value = read()
    # A panic of polars is not an Exception.
    except BaseException as error:
        return "error: " + str(error).partition("\n")[0]
    if isinstance(value, polars.Series):
        value = value.to_list()
    return f"{value} ({type(value).__name__})"


answers = {"pandas": [], "polars": []}
header = {"adbc.flight.sql.rpc.call_header.x-flightgate-lossless-types": lossless}
with adbc.connect(uri, db_kwargs=header, autocommit=True) as connection:
    for statement in statements:
        answers["pandas"].append(shown(lambda: pandas.read_sql(statement, connection).iloc[0, 0]))
        answers["polars"].append(shown(lambda: polars.read_database(statement, connection)[0, 0]))
print(json.dumps(answers))
