"""Google's own clients of BigQuery against a stand-in; prints what they saw as JSON.

usage: bigquery_clients.py REST_ENDPOINT STORAGE_ENDPOINT
"""

import json
import sys

import grpc
import pyarrow
import pyarrow.compute
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, bigquery_storage
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

endpoint, storage_endpoint = sys.argv[1:]
client = bigquery.Client(
    project="test-project",
    credentials=AnonymousCredentials(),
    client_options=ClientOptions(api_endpoint=endpoint),
)
channel = grpc.insecure_channel(storage_endpoint)
storage = bigquery_storage.BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))


def error_of(query, **options):
    try:
        client.query_and_wait(query, job_config=bigquery.QueryJobConfig(**options), retry=None, job_retry=None)
    except GoogleAPICallError as error:
        return [type(error).__name__, error.code, error.errors[0]["reason"], error.message]
    return None


def dry_run():
    job = client.query(
        "SELECT l_orderkey FROM tpch.lineitem WHERE l_shipdate >= @day",
        job_config=bigquery.QueryJobConfig(
            dry_run=True,
            query_parameters=[bigquery.ScalarQueryParameter("day", "DATE", "1998-12-01")],
        ),
    )
    return {
        "bytes": job.total_bytes_processed,
        "type": job.statement_type,
        "schema": [[field.name, field.field_type] for field in job.schema],
        "tables": [str(table) for table in job.referenced_tables],
        "id": job.job_id,
    }


def types():
    """The same table over REST, decoded by Google's client, and over the Storage API."""
    query = "SELECT * FROM types.all"
    over_storage = client.query(query).result().to_arrow(bqstorage_client=storage)
    rows = [dict(row) for row in client.query(query).result()]
    names = [field.name for field in over_storage.schema]
    # Python's client of REST does not know how to make Arrow of INTERVAL; it gives relativedelta.
    compared = [name for name in names if name not in ("interval", "json", "not_a_number")]
    different = [
        name for name in compared if plain([row[name] for row in rows]) != plain(over_storage[name].to_pylist())
    ]
    return {
        "types": {field.name: str(field.type) for field in over_storage.schema},
        "metadata": {
            field.name: {key.decode(): value.decode() for key, value in field.metadata.items()}
            for field in over_storage.schema
            if field.metadata
        },
        "different": different,
        "interval": [str(value) for value in over_storage["interval"].to_pylist()],
        "valid": over_storage.validate(full=True) is None,
    }


def plain(value):
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        # REST gives {} where all parts of a record are null, and None for a range.
        return {key: plain(item) for key, item in value.items()}
    return value


def large():
    rows = client.query("SELECT * FROM bench.large").result()
    table = rows.to_arrow(bqstorage_client=storage)
    ids = pyarrow.compute.sum(table["id"]).as_py()
    return {"rows": table.num_rows, "ids": ids}


def empty():
    rows = client.query("SELECT o_orderkey FROM tpch.orders WHERE o_orderkey < 0").result()
    table = rows.to_arrow(bqstorage_client=storage)
    return {"rows": table.num_rows, "columns": table.schema.names}


def jobs():
    config = bigquery.QueryJobConfig(labels={"team": "blue"}, use_query_cache=False)
    job = client.query("SELECT COUNT(*) AS n FROM tpch.orders; SELECT o_orderkey FROM tpch.orders", job_config=config)
    rows = [row.values()[0] for row in job.result()]
    children = list(client.list_jobs(parent_job=job.job_id))
    listed = next(found for found in client.list_jobs() if found.job_id == job.job_id)
    return {
        "rows": len(rows),
        "children": [[child.statement_type, child.total_bytes_billed] for child in reversed(children)],
        "billed": job.total_bytes_billed,
        "type": job.statement_type,
        "labels": listed.labels,
    }


def cancel():
    job = client.query("SELECT 'slow'")
    running = job.state
    job.cancel()
    try:
        job.result(retry=None, job_retry=None)
    except GoogleAPICallError as error:
        return [running, job.state, error.errors[0]["reason"]]
    return [running, job.state]


def retried():
    """The client's own retry of a job that failed for the moment: a second job."""
    rows = list(client.query_and_wait("SELECT 'sometimes'"))
    return [row.values()[0] for row in rows]


def changed():
    insert = client.query("INSERT INTO shop.people (id, name) VALUES (1, 'a'), (2, @name)", job_config=bigquery.QueryJobConfig(
        query_parameters=[bigquery.ScalarQueryParameter("name", "STRING", "b")]
    ))
    insert.result()
    update = client.query("UPDATE shop.people SET name = CONCAT(name, '!') WHERE id = 2")
    update.result()
    rows = client.query_and_wait("SELECT name FROM shop.people ORDER BY id")
    delete = client.query("DELETE FROM shop.people WHERE TRUE")
    delete.result()
    return {
        "inserted": [insert.num_dml_affected_rows, insert.dml_stats.inserted_row_count, insert.statement_type],
        "updated": update.num_dml_affected_rows,
        "names": [row["name"] for row in rows],
        "deleted": delete.num_dml_affected_rows,
    }


def catalog():
    table = client.get_table("tpch.orders")
    return {
        "datasets": [dataset.dataset_id for dataset in client.list_datasets()],
        "partition": [table.time_partitioning.type_, table.time_partitioning.field],
        "clustering": table.clustering_fields,
        "key": list(table.table_constraints.primary_key.columns),
        "rows": table.num_rows,
        "bytes": table.num_bytes,
        "first": [row["o_orderkey"] for row in client.list_rows("tpch.orders", max_results=2)],
    }


def pages():
    rows = client.query_and_wait("SELECT o_orderkey FROM tpch.orders ORDER BY o_orderkey", page_size=10)
    return [len(list(page)) for page in rows.pages]


def arrow():
    """Arrow from jobs.query itself: the first page inline, the rest from the job's own stream."""
    seen = {}
    for name, query in {
        "small": "SELECT id, name FROM shop.shops",
        "large": "SELECT * FROM bench.large",
        "none": "SELECT o_orderkey FROM tpch.orders WHERE o_orderkey < 0",
    }.items():
        rows = client.query_and_wait(query, query_results_format="ARROW")
        table = rows.to_arrow(bqstorage_client=storage)
        seen[name] = [table.num_rows, table.schema.names]
    return seen


print(
    json.dumps(
        {
            "dry_run": dry_run(),
            "types": types(),
            "large": large(),
            "empty": empty(),
            "jobs": jobs(),
            "cancel": cancel(),
            "retried": retried(),
            "changed": changed(),
            "catalog": catalog(),
            "pages": pages(),
            "arrow": arrow(),
            "errors": {
                "syntax": error_of("SELEC 1"),
                "table": error_of("SELECT 1 FROM tpch.nothing"),
                "dataset": error_of("SELECT 1 FROM nothing.nothing"),
                "limit": error_of("SELECT l_orderkey FROM tpch.lineitem", maximum_bytes_billed=1),
            },
        }
    )
)
