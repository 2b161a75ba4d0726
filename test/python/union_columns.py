"""Reads UNION columns with pandas and polars, beside other columns; prints the rows."""
import json
import sys

import adbc_driver_flightsql.dbapi as adbc
import pandas
import polars

uri, = sys.argv[1:]
# One part has many rows, so that they come in several batches.
VALUE = """CASE i % 4 WHEN 0 THEN union_value(n := i)::UNION(n BIGINT, s VARCHAR, e ENUM ('low', 'high'))
  WHEN 1 THEN ('x' || i)::UNION(n BIGINT, s VARCHAR, e ENUM ('low', 'high'))
  WHEN 2 THEN union_value(e := 'high'::ENUM ('low', 'high'))::UNION(n BIGINT, s VARCHAR, e ENUM ('low', 'high')) END"""
SQL = f"SELECT i, u, CASE WHEN i % 3 = 0 THEN [u, NULL] END AS list FROM (SELECT i, {VALUE} AS u FROM range(20000) t(i)) ORDER BY i"


def member(i):
    return {"n": i if i % 4 == 0 else None, "s": f"x{i}" if i % 4 == 1 else None, "e": "high" if i % 4 == 2 else None}


def is_expected(rows):
    empty = {"n": None, "s": None, "e": None}
    return len(rows) == 20000 and all(
        row == {"i": i, "u": member(i), "list": [member(i), empty] if i % 3 == 0 else None} for i, row in enumerate(rows)
    )


with adbc.connect(uri, autocommit=True) as connection:
    with connection.cursor() as cursor:
        cursor.execute(SQL)
        table = cursor.fetch_arrow_table()
    table.validate(full=True)
    frame = pandas.read_sql(SQL, connection)
    print(json.dumps({
        "type": str(table.schema.field("u").type),
        "arrow": is_expected(table.to_pylist()),
        "pandas": [len(frame), frame["u"].iloc[1]],
        "polars": is_expected(polars.read_database(SQL, connection).to_dicts()),
    }))
