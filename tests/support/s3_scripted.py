"""A store with scripted answers, for what a real one doesn't do: lie, redirect, hang, change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Request = BaseHTTPRequestHandler
Answer = Callable[[Request], "Reply | None"]


class Reply:
    """An answer of a scripted store."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = headers or {}


class Scripted:
    """A store that answers with a function, and records its requests."""

    secret = "scripted-secret"

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests: list[Any] = []

    def config(self, **changes: Any) -> dict[str, Any]:
        return {
            "host": "127.0.0.1", "port": self.port, "tls": False, "bucket": "lake",
            "access_key_id": "key", "secret_access_key": self.secret, **changes,
        }  # fmt: skip


@contextmanager
def scripted(answer: Answer) -> Iterator[Scripted]:
    """Runs a scripted store while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            fake.requests.append(self.headers)
            reply = answer(self)
            if reply is None:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake = Scripted(server.server_address[1])
    runner = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    runner.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        runner.join()


def page(*entries: tuple[str, int], token: str | None = None, etag: str = "one") -> Reply:
    """A page of a listing."""
    contents = "".join(
        f'<Contents><Key>{key}</Key><Size>{size}</Size><ETag>"{etag}"</ETag></Contents>'
        for key, size in entries
    )
    more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    body = (
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<IsTruncated>{'true' if token else 'false'}</IsTruncated>{more}{contents}"
        "</ListBucketResult>"
    )
    return Reply(200, body.encode())


def listing(*objects: tuple[str, bytes]) -> Answer:
    """A correct store with these objects."""

    def answer(request: Request) -> Reply:
        if "list-type" in request.path:
            return page(*((key, len(body)) for key, body in objects))
        body = dict(objects)[request.path.removeprefix("/lake/")]
        asked = request.headers.get("Range")
        if asked is None:
            return Reply(200, body, {"ETag": '"one"'})
        first, last = (int(it) for it in asked.removeprefix("bytes=").split("-"))
        part = f"bytes {first}-{last}/{len(body)}"
        return Reply(206, body[first : last + 1], {"ETag": '"one"', "Content-Range": part})

    return answer
