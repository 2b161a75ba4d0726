"""Makes a DuckDB file with many wide tables: path, number of tables, number of columns of each."""
import sys

import duckdb

path, tables, columns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
types = [
    *["BIGINT", "INTEGER", "VARCHAR", "DOUBLE", "DECIMAL(18,3)", "DATE", "TIMESTAMP", "BOOLEAN", "TIMESTAMPTZ", "BLOB"],
    *["UUID", "HUGEINT", "VARCHAR[]", "STRUCT(a INTEGER, b VARCHAR)", "SMALLINT", "FLOAT", "ENUM('x', 'y')[]", "UBIGINT"],
    "ENUM('x', 'y')",
]


def column(table, number):
    type_name = types[(table + number) % len(types)]
    return f"column_{number} {type_name}{' NOT NULL' if number % 7 == 0 else ''}"


with duckdb.connect(path) as connection:
    connection.execute("BEGIN")
    for table in range(tables):
        names = ", ".join(column(table, number) for number in range(columns))
        connection.execute(f"CREATE TABLE table_{table:05d} ({names})")
    connection.execute("COMMIT")
print("{}")
