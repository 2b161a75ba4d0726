"""A stand-in for a Dremio 25.2 Arrow Flight endpoint, for tests.

Speaks Flight and Flight SQL the way the published source of Dremio 25.2 (services/arrow-flight)
does; DuckDB, filled with generated TPC-H-like tables, does the actual query work. README.md
lists what is imitated, the fault switches and what a pyarrow server cannot do.

    python dremio_lookalike.py --port 0 --control-port 0

prints one JSON line {"flight": "grpc://…", "control": "http://…"} once it is ready.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.flight as fl

import dremio_metadata as meta
import h2_front
from dremio_state import STATUS, Execution, Session, State, map_error
from flightsql_proto import decode, encode, pack_any, text, unpack_any

sys.tracebacklimit = 0  # pyarrow puts Python tracebacks into some gRPC messages: keep them short

CONTROL_HEADER = "x-standin-control"  # marks calls of the test itself: no auth, no counting
FAULT = re.compile(r"\bfault\(\s*'(\w+)'\s*(?:,\s*(\d+)\s*)?\)", re.IGNORECASE)
FAULT_SCHEMA = pa.schema([("i", pa.int64()), ("s", pa.string())])
STREAM_FAULTS = ("ok", "held_plan", "slow_batch", "hang", "error_mid_stream", "unavailable", "timeout", "error_text")


@dataclass
class Plan:
    sql: str
    kind: str  # query | dml | ddl | session | fault
    schema: pa.Schema  # of the record-batch stream
    fault: tuple[str, int] = ("", 0)

    @property
    def info_schema(self) -> pa.Schema:
        """The schema of FlightInfo and prepared statements: with column metadata that the stream lacks, as in Dremio."""
        return meta.with_column_metadata(self.schema)


# ------------------------------------------------------------- auth, token and cookie headers


class Call(fl.ServerMiddleware):
    """Per call: the user, the session, and the response headers."""

    def __init__(self, session: Session | None, out: dict[str, str], control: bool = False) -> None:
        self.session, self.out, self.control = session, out, control

    def sending_headers(self) -> dict[str, str]:
        out, self.out = self.out, {}  # pyarrow asks twice per GetFlightInfo and would send everything twice
        return out


class CallFactory(fl.ServerMiddlewareFactory):
    def __init__(self, state: State) -> None:
        self.state = state

    def start_call(self, info: fl.CallInfo, headers: dict[str, list[Any]]) -> Call:
        if CONTROL_HEADER in headers:
            return Call(None, {}, control=True)
        st, out = self.state, {}
        st.stats.rpc(info.method.name.lower())
        handshake = info.method == fl.FlightMethod.HANDSHAKE
        if handshake:
            st.stats.add("handshakes")
        scheme, _, value = (headers.get("authorization") or [""])[0].partition(" ")
        if scheme == "Basic":
            plain = base64.b64decode(value + "=" * (-len(value) % 4)).decode()
            token = st.login(*(plain.split(":", 1) if ":" in plain else (plain, "")))
        elif scheme == "Bearer":
            token = value
        elif st.opts.legacy_auth:
            if handshake:
                return Call(None, {})
            token = (headers.get("auth-token-bin") or [b""])[0].decode()
        else:
            raise fl.FlightUnauthenticatedError("No credentials were sent.")
        user = st.bearer_user(token)
        if not st.opts.legacy_auth:
            out["authorization"] = "Bearer " + token  # on every response
        if handshake:
            return Call(None, out)
        cookies = "; ".join(headers.get("cookie", []))
        match = re.search(r"(?:^|;\s*)SESSION_ID=\"?([^;\"]+)", cookies)
        if match:
            return Call(st.find_session(match.group(1), user), out)
        session = st.open_session(user, headers)  # no cookie: a new session per call
        out["set-cookie"] = "SESSION_ID=" + session.id
        return Call(session, out)


class HandshakeAuth(fl.ServerAuthHandler):
    """Lets Handshake succeed (the headers did the work); with --legacy-auth the old payload protocol."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state

    def authenticate(self, outgoing: Any, incoming: Any) -> None:
        if self.state.opts.legacy_auth:
            basic = fl.BasicAuth.deserialize(incoming.read())
            outgoing.write(self.state.login(basic.username.decode(), basic.password.decode()).encode())

    def is_valid(self, token: bytes) -> bytes:
        return b""  # CallFactory checks tokens, for both modes


# --------------------------------------------------------------------------------- the server


class Guard(threading.Thread):
    """Watches one RPC; calls on_cancel once the client has gone. Stop it before the RPC returns."""

    def __init__(self, context: fl.ServerCallContext, on_cancel: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.context, self.on_cancel = context, on_cancel
        self.done, self.fired = threading.Event(), False

    def run(self) -> None:
        while not self.done.wait(0.05):
            if self.context.is_cancelled():
                self.fired = True
                self.on_cancel()
                return

    def __enter__(self) -> Guard:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.join()


class Server(fl.FlightServerBase):
    def __init__(self, state: State, location: str, **kwargs: Any) -> None:
        self.st = state
        super().__init__(location, HandshakeAuth(state), middleware={"call": CallFactory(state)}, **kwargs)

    # -- planning

    def cursor(self, session: Session) -> duckdb.DuckDBPyConnection:
        cur = self.st.db.cursor()
        if session.schema:
            try:
                cur.execute("USE " + ".".join(f'"{p}"' for p in session.schema.replace('"', "").split(".")))
            except duckdb.Error:
                pass  # as Dremio: an unknown default schema shows up only when a name needs it
        return cur

    def plan(self, sql: str, session: Session) -> Plan:
        """Validate and find the result schema; never runs the query (section 3.4)."""
        self.st.stats.add("plans")
        sql = sql.strip().rstrip(";")
        for name in self.st.denied.get(session.user, []):
            if re.search(rf"\b{name}\b", sql, re.IGNORECASE):
                raise STATUS["permission"](f"{session.user} lacks SELECT on {name}.")
        if session.properties.get("quoting", "").upper() == "BACK_TICK":
            sql = sql.replace("`", '"')
        if match := FAULT.search(sql):
            kind, n = match.group(1), int(match.group(2) or 0)
            if kind.startswith("plan_") and kind[5:] in STATUS:
                raise STATUS[kind[5:]](f"fault: {kind}")
            if kind == "held_plan":  # until the test lets it go
                self.st.let_go.wait(60)
            return Plan(sql, "fault", meta.SESSION_SCHEMA if kind == "session" else FAULT_SCHEMA, (kind, n))
        if re.match(r"(USE|ALTER\s+SESSION)\b", sql, re.IGNORECASE):
            return Plan(sql, "session", meta.DDL_SCHEMA)
        try:
            cur = self.cursor(session)
            statements = duckdb.extract_statements(sql)
            if len(statements) != 1:
                raise pa.ArrowInvalid("exactly one statement is expected")
            kind = statements[0].type.name
            if kind in ("SELECT", "EXPLAIN"):
                schema = cur.sql(sql).limit(0).to_arrow_table().schema
                return Plan(sql, "query", schema if self.st.opts.duckdb_types else meta.dremio_schema(schema))
            cur.execute("EXPLAIN " + sql)  # binds without running
            dml = kind in ("INSERT", "UPDATE", "DELETE", "MERGE_INTO")
            return Plan(sql, "dml" if dml else "ddl", meta.DML_SCHEMA if dml else meta.DDL_SCHEMA)
        except duckdb.Error as exc:
            raise map_error(exc, planning=True) from None

    # -- execution

    def batches(self, plan: Plan, session: Session, cur: duckdb.DuckDBPyConnection, guard: Guard) -> Iterator[pa.RecordBatch]:
        if plan.kind == "fault":
            yield from self.fault_batches(plan, session, guard)
        elif plan.kind == "query":
            for batch in cur.sql(plan.sql).to_arrow_reader(self.st.opts.batch_rows):
                columns = [c if c.type == f.type else c.cast(f.type, safe=False) for c, f in zip(batch.columns, plan.schema)]
                yield pa.RecordBatch.from_arrays(columns, schema=plan.schema)
        elif plan.kind == "session":
            words = plan.sql.replace('"', "").split(None, 1)[1]
            if plan.sql[:3].upper() == "USE":
                session.schema = words
            else:  # ALTER SESSION SET key = value
                key, _, value = re.sub(r"(?i)^session\s+(set|reset)\s+", "", words).partition("=")
                session.properties[key.strip()] = value.strip(" '")
            yield pa.record_batch([[True], [f"{words} applied"]], schema=plan.schema)
        else:
            rows = cur.execute(plan.sql).fetchall()
            count = rows[0][0] if rows and isinstance(rows[0][0], int) else 0
            yield pa.record_batch([[count]] if plan.kind == "dml" else [[True], ["Done"]], schema=plan.schema)

    def fault_batches(self, plan: Plan, session: Session, guard: Guard) -> Iterator[pa.RecordBatch]:
        kind, n = plan.fault
        if kind == "session":
            yield pa.record_batch([[session.id], [session.user], [session.schema], [json.dumps(session.properties)]], schema=plan.schema)
            return
        if kind == "big_batch":  # one batch of n MiB
            yield pa.record_batch([[0], ["x" * (n << 20)]], schema=FAULT_SCHEMA)
            return
        if kind not in STREAM_FAULTS:
            raise pa.ArrowInvalid(f"unknown fault {kind!r}")
        for k in range(10 if kind in ("held_plan", "slow_batch", "error_text") else n):
            if kind == "error_text":  # n KiB of message, not all of it ASCII
                raise STATUS["internal"]("błąd % \n" + "é" * (n << 9))
            if kind == "slow_batch" and guard.done.wait(n / 1000):
                return
            first = k * 1000
            yield pa.record_batch([range(first, first + 1000), [f"row-{i}" for i in range(first, first + 1000)]], schema=FAULT_SCHEMA)
        if kind == "hang":
            while not guard.fired and not guard.done.wait(0.05):
                pass
        elif kind in ("error_mid_stream", "unavailable", "timeout"):
            raise STATUS["internal" if kind == "error_mid_stream" else kind](f"fault: {kind} after {n} batches")

    def stream(self, plan: Plan, context: fl.ServerCallContext, session: Session) -> Generator[pa.RecordBatch, None, None]:
        """One execution per DoGet: the same ticket twice means two executions."""
        stats = self.st.stats
        run = Execution(plan.sql, session.user, session.id, session.properties.get("routing_tag"))
        stats.recent.append(run)
        stats.add("executions")
        stats.add("streams_open")
        cur = self.cursor(session)
        run.state = "failed"
        try:
            with Guard(context, cur.interrupt) as guard:
                try:
                    for batch in self.batches(plan, session, cur, guard):
                        run.batches, run.rows = run.batches + 1, run.rows + batch.num_rows
                        sent = time.monotonic()
                        yield batch
                        if time.monotonic() - sent > self.st.opts.slow_reader:
                            run.state = "slow_reader"
                            stats.add("slow_readers")
                            raise STATUS["internal"]("Timeout while waiting for client to be in ready state.")
                    if guard.fired:
                        raise InterruptedError
                    run.state = "finished"
                except Exception as exc:
                    if guard.fired:
                        run.state = "cancelled"
                        raise STATUS["cancelled"]("Query is cancelled by the client.") from None
                    raise map_error(exc) from None
        except GeneratorExit:
            run.state = "cancelled"
            raise
        finally:
            run.seconds = time.time() - run.started
            stats.add("streams_open", -1)
            stats.add("streams_" + (run.state if run.state in ("finished", "cancelled") else "failed"))
            cur.close()

    def run_query(self, sql: str, context: fl.ServerCallContext, session: Session) -> fl.FlightDataStream:
        plan = self.plan(sql, session)
        batches = self.stream(plan, context, session)
        first = next(batches, None)  # so that an error before the first row comes without a schema message
        dictionaries = any(pa.types.is_dictionary(f.type) for f in plan.schema)

        def chained() -> Iterator[pa.RecordBatch | pa.Table]:
            try:
                if first is not None:
                    for batch in itertools.chain([first], batches):  # only a Table is sent with its dictionaries
                        yield pa.Table.from_batches([batch]) if dictionaries else batch
            finally:
                batches.close()

        return fl.GeneratorStream(plan.schema, chained())

    # -- RPCs

    def call(self, context: fl.ServerCallContext, rpc: str) -> Session:
        call: Call = context.get_middleware("call")
        if call.control or call.session is None:
            raise NotImplementedError(f"{CONTROL_HEADER} is for DoAction only")
        self.st.fire_armed(rpc)
        return call.session

    def handle(self, sql: str, session: Session) -> bytes:
        """Self-contained server handle: redeemable on any connection of the same user."""
        return encode((1, sql.encode()), (2, session.user.encode()))

    def open_handle(self, handle: bytes, session: Session, what: str, status: str = "invalid") -> str:
        try:
            msg = decode(handle)
            sql, user = msg[1][0].decode(), msg[2][0].decode()
        except (ValueError, KeyError, AttributeError):
            raise STATUS[status](f"Invalid {what}.") from None
        if user != session.user:
            raise STATUS["permission"](f"This {what} belongs to another user.")
        return sql

    def get_flight_info(self, context: fl.ServerCallContext, descriptor: fl.FlightDescriptor) -> fl.FlightInfo:
        session = self.call(context, "get_flight_info")
        name, body = unpack_any(descriptor.command)
        if name in meta.KEY_SCHEMAS:
            return fl.FlightInfo(meta.KEY_SCHEMAS[name], descriptor, [], -1, -1)  # zero endpoints
        if name == "CommandStatementQuery":
            plan = self.plan(text(decode(body), 1) or "", session)
            schema, ticket = plan.info_schema, pack_any("TicketStatementQuery", encode((1, self.handle(plan.sql, session))))
        elif name == "CommandPreparedStatementQuery":
            sql = self.open_handle(decode(body).get(1, [b""])[0], session, "PreparedStatementHandle used in getFlightInfo")
            schema, ticket = self.plan(sql, session).info_schema, descriptor.command
        elif name in meta.COMMAND_SCHEMAS:
            schema, ticket = meta.command_schema(name, decode(body)), descriptor.command
        else:  # legacy mode: whatever is not a known command is SQL text
            sql = descriptor.command.decode("utf-8", "replace")
            schema = self.plan(sql, session).info_schema
            ticket = encode((1, sql.encode()), (2, self.handle(sql, session)))
        where = [self.st.opts.advertise] if self.st.opts.advertise else []
        return fl.FlightInfo(schema, descriptor, [fl.FlightEndpoint(ticket, where)], -1, -1)

    def get_schema(self, context: fl.ServerCallContext, descriptor: fl.FlightDescriptor) -> fl.SchemaResult:
        if unpack_any(descriptor.command)[0] == "CommandPreparedStatementQuery":
            raise NotImplementedError("GetSchema with CommandPreparedStatementQuery is not implemented.")
        return fl.SchemaResult(self.get_flight_info(context, descriptor).schema)

    def do_get(self, context: fl.ServerCallContext, ticket: fl.Ticket) -> fl.FlightDataStream:
        session = self.call(context, "do_get")
        name, body = unpack_any(ticket.ticket)
        if name in meta.KEY_SCHEMAS:
            raise NotImplementedError(f"{name} not supported.")
        if name in meta.COMMAND_SCHEMAS:
            table = meta.command_table(name, decode(body), self.cursor(session), self.st.opts.duckdb_types)
            if denied := self.st.denied.get(session.user, []) if name == "CommandGetTables" else []:
                table = table.filter([each not in denied for each in table.column("table_name").to_pylist()])
            return fl.RecordBatchStream(table)
        if name == "TicketStatementQuery":
            sql = self.open_handle(decode(body).get(1, [b""])[0], session, "StatementHandle used in getStream", "internal")
        elif name == "CommandPreparedStatementQuery":
            sql = self.open_handle(decode(body).get(1, [b""])[0], session, "PreparedStatementHandle used in getStream")
        else:
            try:
                handle = decode(ticket.ticket)[2][0]
            except (ValueError, KeyError):
                raise STATUS["invalid"]("Invalid PreparedStatementTicket used in getStream.") from None
            sql = self.open_handle(handle, session, "PreparedStatementTicket used in getStream")
        return self.run_query(sql, context, session)

    def do_put(self, context: fl.ServerCallContext, descriptor: fl.FlightDescriptor, reader: Any, writer: Any) -> None:
        name = unpack_any(descriptor.command or b"")[0]
        if name in ("CommandPreparedStatementUpdate", "CommandPreparedStatementQuery"):
            raise NotImplementedError("PreparedStatement with parameter binding not supported.")
        raise NotImplementedError("Statement not supported." if name else "acceptPut is not implemented.")

    def do_action(self, context: fl.ServerCallContext, action: fl.Action) -> list[fl.Result]:
        body = action.body.to_pybytes()
        call: Call = context.get_middleware("call")
        if call.control:
            return [fl.Result(json.dumps(self.st.control(action.type, body)).encode())]
        session = self.call(context, "do_action")
        if action.type == "CreatePreparedStatement":
            plan = self.plan(text(decode(unpack_any(body)[1]), 1) or "", session)
            self.st.stats.add("prepared")
            result = encode((1, self.handle(plan.sql, session)), (2, plan.info_schema.serialize().to_pybytes()))
            return [fl.Result(pack_any("ActionCreatePreparedStatementResult", result))]
        if action.type == "ClosePreparedStatement":
            return []  # Dremio checks the message as the wrong type and does nothing
        raise NotImplementedError("doAction is not implemented.")

    def list_actions(self, context: fl.ServerCallContext) -> list[tuple[str, str]]:
        return [(name, "") for name in meta.LISTED_ACTIONS]

    def list_flights(self, context: fl.ServerCallContext, criteria: bytes) -> Iterator[fl.FlightInfo]:
        raise NotImplementedError("listFlights is not implemented.")

    def do_exchange(self, context: fl.ServerCallContext, descriptor: Any, reader: Any, writer: Any) -> None:
        raise NotImplementedError("doExchange is not implemented.")


def control_server(state: State, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            try:
                code, reply = 200, state.control(self.path.strip("/"), body)
            except (ValueError, NotImplementedError) as exc:
                code, reply = 400, {"error": str(exc)}
            data = json.dumps(reply).encode()
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    return http


def options(argv: list[str] | None = None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--port", type=int, default=32010, help="Flight port; 0 picks one")
    p.add_argument("--control-port", type=int, default=-1, help="HTTP /stats, /arm, /reset, …; 0 picks one, -1 none")
    p.add_argument("--user", action="append", metavar="NAME:PASSWORD", help="default dremio:dremio123")
    p.add_argument("--pat", action="append", default=[], metavar="TOKEN[=NAME]", help="personal access token")
    p.add_argument("--deny", action="append", default=[], metavar="USER:TABLE", help="a table that a user may not read")
    p.add_argument("--scale", type=float, default=0.01, help="TPC-H scale factor of the generated tables")
    p.add_argument("--rows", type=int, default=0, help="rows of tpch.lineitem instead of --scale")
    p.add_argument("--threads", type=int, default=2, help="DuckDB threads")
    p.add_argument("--batch-rows", type=int, default=3968)
    p.add_argument("--duckdb-types", action="store_true", help="do not narrow types to Dremio's set")
    p.add_argument("--advertise", metavar="URI", help="location in every endpoint, e.g. grpc+tcp://0.0.0.0:32010")
    p.add_argument("--slow-reader", type=float, default=50.0, help="seconds a client may leave a stream unread")
    p.add_argument("--session-ttl", type=float, default=7200.0)
    p.add_argument("--token-ttl", type=float, default=30 * 3600.0)
    p.add_argument("--legacy-auth", action="store_true", help="handshake payload + auth-token-bin instead of headers")
    p.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="PEM files")
    p.add_argument("--idle-drop", type=float, default=0, help="GOAWAY after so many idle seconds (Dremio: 30)")
    p.add_argument("--ping-interval", type=float, default=0, help="GOAWAY too_many_pings when below (Dremio: 120)")
    opts = p.parse_args(argv)
    opts.user = opts.user or ["dremio:dremio123"]
    return opts


def main() -> None:
    opts = options()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    state = State(opts)
    scheme, kwargs = "grpc", {}
    if opts.tls:
        scheme = "grpc+tls"
        kwargs["tls_certificates"] = [tuple(Path(path).read_bytes() for path in opts.tls)]
    fronted = opts.idle_drop > 0 or opts.ping_interval > 0
    if fronted and opts.tls:
        sys.exit("--idle-drop and --ping-interval work without --tls only")
    server = Server(state, f"{scheme}://127.0.0.1:{0 if fronted else opts.port}", **kwargs)
    port = server.port
    if fronted:
        port = h2_front.start(opts.port, server.port, opts.idle_drop, opts.ping_interval)
    ready = {"flight": f"{scheme}://127.0.0.1:{port}"}
    if opts.control_port >= 0:
        ready["control"] = f"http://127.0.0.1:{control_server(state, opts.control_port).server_address[1]}"
    print(json.dumps(ready), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
