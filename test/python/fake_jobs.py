"""What the stand-in of BigQuery knows of jobs."""
import json
import time
import urllib.request


def await_job(endpoint, sql):
    """Waits until a job with this statement runs."""
    url = f"{endpoint}/bigquery/v2/projects/test-project/jobs?projection=full&stateFilter=running"
    while True:
        with urllib.request.urlopen(url) as answer:
            jobs = json.load(answer).get("jobs", [])
        if any(job["configuration"]["query"]["query"] == sql for job in jobs):
            return
        time.sleep(0.05)
