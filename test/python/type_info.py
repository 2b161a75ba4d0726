"""Requests type info, SqlInfo and table types with pyarrow, and compares the types with DuckDB's."""
import json
import sys

import duckdb
import pyarrow.flight as flight
from commands import field, packed, varint

client = flight.connect(sys.argv[1])


def ask(name, value=b""):
    info = client.get_flight_info(flight.FlightDescriptor.for_command(packed(name, value)))
    return client.do_get(info.endpoints[0].ticket).read_all().to_pylist()


def base(type):
    """The name of a type without its parameters and members."""
    name = str(type)
    if name.endswith("[]"):
        return "LIST"
    return "ARRAY" if name.endswith("]") else name.partition("(")[0]


def reads(row, value):
    """DuckDB's type of a literal with the row's prefix and suffix."""
    literal = row["literal_prefix"] + value + row["literal_suffix"]
    return duckdb.sql(f"SELECT {literal}").types[0]


rows = ask("CommandGetXdbcTypeInfo")
types = {base(type) for type in duckdb.sql("SELECT *, '{}'::JSON AS json FROM test_all_types()").types}
values = {
    "DATE": "2024-01-02",
    "TIME": "03:04:05",
    "TIME_NS": "03:04:05",
    "TIME WITH TIME ZONE": "03:04:05+00",
    "TIMESTAMP WITH TIME ZONE": "2024-01-02 03:04:05+00",
    "UUID": "6f9619ff-8b86-d011-b42d-00c04fc964ff",
    "INTERVAL": "3 days",
    "BIT": "101",
    "GEOMETRY": "POINT (1 2)",
    "LIST": "1",
    "STRUCT": "'a': 1",
    "MAP": "1: 2",
    **{f"TIMESTAMP{unit}": "2024-01-02 03:04:05" for unit in ("", "_S", "_MS", "_NS")},
}
print(json.dumps({
    "names": [row["type_name"] for row in rows],
    "codes": [row["data_type"] for row in rows],
    "missing": sorted(types - {row["type_name"] for row in rows}),
    "unknown": sorted({row["type_name"] for row in rows} - types),
    "literals": {row["type_name"]: base(reads(row, values[row["type_name"]])) for row in rows if row["type_name"] in values},
    "numeric": [row["type_name"] for row in ask("CommandGetXdbcTypeInfo", varint(1 << 3) + varint(2))],
    "facts": {row["info_name"]: row["value"] for row in ask("CommandGetSqlInfo", field(1, b"".join(map(varint, [100, 101, 533, 534, 549, 557]))))},
    "tableTypes": [row["table_type"] for row in ask("CommandGetTableTypes")],
}))
