"""Data frames of pandas and polars, and DuckDB as a client of the client."""
import duckdb
import pandas
import polars
import polars.testing
import pyarrow as pa

from .cases import arrow, case, connect, equal, ingest, raises, value

people = {"i": [1, 2, 3], "s": ["a", None, "ü"], "f": [0.5, None, 1.5], "b": [True, False, None]}


@case
def pandas_reads():
    with connect() as own:
        frame = pandas.read_sql("SELECT range AS i, 'v' || range AS v FROM range(1000)", own)
        equal((len(frame), int(frame["i"].sum()), frame["v"].iloc[-1]), (1000, 499_500, "v999"))


@case
def pandas_round_trip():
    with connect() as own:
        frame = pandas.DataFrame({**people, "t": pandas.date_range("2024-01-01", periods=3, freq="h")})
        for mode, total in (("fail", 3), ("append", 6), ("replace", 3)):
            equal(frame.to_sql("by_pandas", own, index=False, if_exists=mode), 3)
            equal(value(own, "SELECT count(*) FROM by_pandas"), total)
        back = pandas.read_sql("SELECT * FROM by_pandas ORDER BY i", own)
        for column in ("i", "s", "f", "t"):
            pandas.testing.assert_series_equal(back[column], frame[column], check_dtype=column == "i")
        try:
            frame.to_sql("by_pandas", own, index=False, if_exists="fail")
        except ValueError:
            pass
        else:
            raise AssertionError("a table that exists was written")


@case
def pandas_by_fetch_df():
    with connect() as own, own.cursor() as cursor:
        equal(list(cursor.execute("SELECT 1 AS a, 'x' AS b").fetch_df().iloc[0]), [1, "x"])


@case
def polars_reads():
    with connect() as own:
        frame = polars.read_database("SELECT range AS i, [range, NULL] AS l FROM range(5)", own)
        equal(frame.to_dict(as_series=False), {"i": list(range(5)), "l": [[n, None] for n in range(5)]})


@case
def polars_reads_in_batches():
    with connect() as own:
        sql = "SELECT range AS i FROM range(300000)"
        frames = list(polars.read_database(sql, own, iter_batches=True, batch_size=65_536))
        assert len(frames) > 1
        equal(sum(int(frame["i"].sum()) for frame in frames), 300_000 * 299_999 // 2)


@case
def polars_reads_with_parameters():
    with connect() as own:
        options = {"parameters": [3]}
        frame = polars.read_database("SELECT ? + 1 AS n", own, execute_options=options)
        equal(frame["n"].to_list(), [4])


@case
def polars_round_trip():
    with connect() as own:
        days = polars.date_range(polars.date(2024, 1, 1), polars.date(2024, 1, 3), eager=True)
        frame = polars.DataFrame({**people, "l": [[1], [], None], "d": days})
        for mode, total in (("fail", 3), ("append", 6), ("replace", 3)):
            equal(frame.write_database("by_polars", own, engine="adbc", if_table_exists=mode), 3)
            equal(value(own, "SELECT count(*) FROM by_polars"), total)
        back = polars.read_database("SELECT * FROM by_polars ORDER BY i", own)
        polars.testing.assert_frame_equal(back, frame)
        with raises("ALREADY_EXISTS"):
            frame.write_database("by_polars", own, engine="adbc", if_table_exists="fail")


@case
def polars_frame_as_parameters():
    """Polars gives its texts as string views."""
    frame = polars.DataFrame({"i": [1, 2], "s": ["short", "longer than twelve bytes"]})
    with connect() as own, own.cursor() as cursor:
        cursor.execute("CREATE TABLE from_polars (i BIGINT, s VARCHAR)")
        cursor.executemany("INSERT INTO from_polars VALUES (?, ?)", frame)
        equal(arrow(own, "SELECT * FROM from_polars ORDER BY i").to_pylist(), frame.to_dicts())


@case
def duckdb_reads_and_is_read():
    with connect() as own, own.cursor() as cursor, duckdb.connect() as local:
        cursor.execute("SELECT range AS i FROM range(100000)")
        reader = cursor.fetch_record_batch()
        equal(local.execute("SELECT sum(i)::BIGINT FROM reader").fetchone(), (100_000 * 99_999 // 2,))
        made = local.execute("SELECT range AS i, uuid() AS u FROM range(1000)").to_arrow_reader()
        equal(ingest(own, "by_duckdb", made, mode="create"), 1000)
        equal(value(own, "SELECT count(DISTINCT u) FROM by_duckdb"), 1000)


@case
def arrow_objects_of_other_makers_are_ingested():
    with connect() as own:
        equal(ingest(own, "by_protocol", polars.DataFrame({"s": ["a", None]}), mode="create"), 2)
        equal(arrow(own, "SELECT * FROM by_protocol"), pa.table({"s": ["a", None]}))
