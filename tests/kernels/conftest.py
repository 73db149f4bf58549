"""A peer that speaks the service's protocol over real HTTP, so that the client reads real bytes.

It doesn't imitate the service: a test sets a statement's answer, intact or broken, and the peer sends
it. Other tests cover the service itself, end to end.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow as pa
import pytest
from support.shell import Notebook, notebook_of_shell

from wb_server.client import Client

TOKEN = "a-token-of-the-tests"


@dataclass
class Answer:
    """The answer to a statement: rows or an error, and the faults to inject."""

    table: pa.Table | None = None
    truncated: bool = False
    error: dict[str, Any] | None = None  # in the last batch, after the rows
    status: int | None = None  # an error instead of a stream
    body: Any = None
    final: bool = True
    rows: int | None = None  # a wrong row count
    cut_after: int | None = None  # bytes after which the connection breaks
    hang: bool = False  # the rows, then nothing until the client hangs up
    hang_first: bool = False  # not even headers
    chunk_rows: int = 65_536
    more_after_end: bool = False
    content_type: str = "application/vnd.apache.arrow.stream"
    kind: str = "read"


@dataclass
class Seen:
    """A received request."""

    method: str
    path: str
    headers: dict[str, str]
    payload: Any


@dataclass
class Peer:
    """The peer's address, its answers, and the requests it has seen."""

    url: str
    token: str = TOKEN
    answers: dict[str, Answer | Callable[[Any], Answer]] = field(default_factory=dict)
    connections: list[dict[str, Any]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    sockets: set[Any] = field(default_factory=set)
    hangs: threading.Event = field(default_factory=threading.Event)
    hung_up: threading.Event = field(default_factory=threading.Event)
    cancelled: list[str] = field(default_factory=list)
    cancel_seen: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def queries(self) -> list[Any]:
        return [each.payload for each in self.seen if each.path.endswith("/query")]

    def says(self, sql: str, answer: Any = None, **options: Any) -> None:
        """Sets the answer to a statement: columns, a table or an Answer's fields."""
        if isinstance(answer, Mapping):
            answer = pa.table(dict(answer))
        self.answers[sql] = Answer(table=answer, **options)


def _handler(peer: Peer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *args: Any) -> None:
            pass

        def _note(self) -> Any:
            size = int(self.headers.get("Content-Length") or 0)
            payload = json.loads(self.rfile.read(size)) if size else None
            peer.sockets.add(self.client_address)
            peer.seen.append(Seen(self.command, self.path, dict(self.headers), payload))
            return payload

        def _json(self, status: int, body: Any) -> None:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def do_GET(self) -> None:
            self._note()
            if self.headers.get("Authorization") != f"token {TOKEN}":
                error = {"code": "not_signed_in", "message": "Sign in first.", "details": {}}
                self._json(401, {"error": error})
            elif self.path.endswith("/connectors"):
                postgres = {"kind": "postgres", "sql": {"sqlalchemy": "postgresql"}}
                mysql = {"kind": "mysql", "sql": {"sqlalchemy": "mysql", "hash_comments": True}}
                self._json(200, {"items": [postgres, mysql, {"kind": "duckdb", "sql": None}]})
            else:
                self._json(200, {"items": peer.connections})

        def do_DELETE(self) -> None:
            self._note()
            peer.cancelled.append(self.path.rpartition("/")[2])
            self._json(200, {"cancelled": True})
            peer.cancel_seen.set()

        def do_POST(self) -> None:
            payload = self._note()
            known = [each["name"] for each in peer.connections]
            if known and payload["connection"] not in known:
                error = {"code": "not_found", "message": "No such connection.", "details": {}}
                return self._json(404, {"error": error})
            answer = peer.answers.get(payload["sql"].strip())
            if callable(answer):
                answer = answer(payload)
            if answer is None:
                error = {"code": "sql_error", "message": "Not a known statement.", "details": {}}
                return self._json(400, {"error": error})
            if answer.status is not None:
                return self._json(answer.status, answer.body)
            if answer.hang_first:
                return self._hang()
            self.send_response(200)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Workbench-Query-Id", payload["query_id"])
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                self._stream(payload, answer)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
                peer.hung_up.set()

        def _stream(self, payload: Any, answer: Answer) -> None:
            sink = _Chunks(self.wfile, answer.cut_after)
            table = answer.table if answer.table is not None else pa.table({"x": pa.array([1])})
            meta = {
                "query_id": payload["query_id"],
                "connection": payload["connection"],
                "row_limit": payload["row_limit"],
                "kind": answer.kind,
                "policies": [],
            }
            schema = table.schema.with_metadata({"workbench": json.dumps(meta)})
            with pa.PythonFile(sink, mode="w") as out, pa.ipc.new_stream(out, schema) as writer:
                for batch in table.to_batches(max_chunksize=answer.chunk_rows):
                    writer.write_batch(batch)
                if answer.hang:
                    sink.flush()
                    self._hang()
                    return
                if answer.final:
                    rows = table.num_rows if answer.rows is None else answer.rows
                    end = {"rows": rows, "truncated": answer.truncated, "elapsed_ms": 1.5}
                    end = {"error": answer.error} if answer.error else end
                    empty = pa.RecordBatch.from_pylist([], schema=schema)
                    writer.write_batch(empty, custom_metadata={"workbench": json.dumps(end)})
                    if answer.more_after_end:
                        writer.write_batch(empty)
            if sink.broken:
                self.close_connection = True
            else:
                sink.flush()
                self.wfile.write(b"0\r\n\r\n")

        def _hang(self) -> None:
            """Waits until the client closes its end, like a service with a slow database."""
            peer.hangs.set()
            self.close_connection = True
            self.connection.setblocking(False)
            while not peer.stop.is_set():
                try:
                    if self.connection.recv(1) == b"":
                        break
                except BlockingIOError:
                    time.sleep(0.005)
                except OSError:
                    break
            self.connection.setblocking(True)
            peer.hung_up.set()

    return Handler


class _Chunks:
    """Turns what Arrow writes into HTTP chunks of up to 1 MiB."""

    closed = False

    def __init__(self, out: Any, cut_after: int | None) -> None:
        self._out, self._left, self.broken = out, cut_after, False
        self._held = bytearray()

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        if self._left is not None:
            if len(view) > self._left:
                view, self.broken = view[: self._left], True
            self._left -= len(view)
        if len(view) >= 1 << 20:
            self.flush()
            self._send(view)
        else:
            self._held += view
            if len(self._held) >= 1 << 20:
                self.flush()
        return len(data)

    def flush(self) -> None:
        if self._held:
            self._send(self._held)
            self._held = bytearray()

    def _send(self, data: Any) -> None:
        self._out.write(b"%x\r\n" % len(data))
        self._out.write(data)
        self._out.write(b"\r\n")

    def close(self) -> None:
        self.flush()
        self._out.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Closes kept-alive connections, whose threads would wait for another request."""
        for each in list(self.open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # some tests make the client hang up


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """A running peer, with its address in the environment variables that a kernel reads."""
    peer = Peer("")
    server = _Server(("127.0.0.1", 0), _handler(peer))
    peer.url = f"http://127.0.0.1:{server.server_address[1]}/services/workbench"
    peer.connections = [
        {"name": "warehouse", "connector": "postgres", "description": "Sales & <stock>",
         "level": "use", "state": {"status": "ok"}},
        {"name": "lake", "connector": "duckdb", "description": None,
         "level": "write", "state": {"status": "untested"}},
    ]  # fmt: skip
    monkeypatch.setenv("WORKBENCH_URL", peer.url)
    monkeypatch.setenv("WORKBENCH_TOKEN", TOKEN)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield peer
    peer.stop.set()
    server.shutdown()
    thread.join()
    server.hang_up()
    server.server_close()


@pytest.fixture
def client(peer: Peer) -> Iterator[Client]:
    with Client() as client:
        yield client


@pytest.fixture
def notebook(peer: Peer) -> Iterator[Notebook]:
    with notebook_of_shell() as notebook:
        yield notebook
