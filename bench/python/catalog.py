"""Reads the schemas of all tables once: by Flight SQL ("flight", address) or by a query in the process ("duckdb", file, SQL)."""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "test" / "python"))
way, where = sys.argv[1], sys.argv[2]
if way == "flight":
    import pyarrow.flight as flight
    from commands import packed

    client = flight.connect(where)
    command = flight.FlightDescriptor.for_command(packed("CommandGetTables", b"\x28\x01"))

    def read():
        ticket = client.get_flight_info(command).endpoints[0].ticket
        return sum(chunk.data.num_rows for chunk in client.do_get(ticket))

else:
    import duckdb

    connection = duckdb.connect(where, read_only=True)
    connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall()

    def read():
        rows = connection.execute(sys.argv[3]).to_arrow_reader(2048)
        return sum(batch.num_rows for batch in rows)

    # Warm up, as the gateway is warm too.
    read()

cpu, begin = time.process_time(), time.perf_counter()
tables = read()
print(json.dumps({"tables": tables, "seconds": time.perf_counter() - begin, "cpuSeconds": time.process_time() - cpu}))
