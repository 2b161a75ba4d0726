"""Prints the names of the columns of DuckDB's test_all_types()."""
import json

import duckdb

print(json.dumps([row[0] for row in duckdb.sql("SELECT column_name FROM (DESCRIBE FROM test_all_types())").fetchall()]))
