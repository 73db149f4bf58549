"""A local gateway from a worker's process to a store, for one statement.

DuckDB's httpfs would dial by name, follow redirects and hold the keys. So it never learns about the
store: it reads URLs of this gateway, which runs in the service. Only the service signs, resolves,
checks and dials; the process that runs SQL never holds the access key. The gateway knows the objects
of the statement's tables, by number, and serves ranges of these and nothing else. Clients need a
token that is generated for the statement and given only to its process.

An object that changes while it is read is an error: every part must have the ETag of the listing.
"""

from __future__ import annotations

import hmac
import http.client
import re
import secrets
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Final
from urllib.parse import quote

from ...kit.errors import Conflict, SourceFailed, WorkbenchError
from . import errors
from .client import Link, Store, StoredObject

_CHUNK: Final = 256 << 10
_MAX_CONNECTIONS: Final = 64
# Seconds until a connection has to present the token. After that it may be idle, since readers may be
# slow.
_GREETING_SECONDS: Final = 10.0
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_HEAD_BYTES: Final = 64 << 10


class Gateway:
    """Serves one process the objects that its statement reads.

    Args:
        store: where the objects are.
        objects: the objects, with the listing's sizes and ETags.
        names: their names in URLs: the paths below the prefix.
    """

    def __init__(self, store: Store, objects: Sequence[StoredObject], names: Sequence[str]) -> None:
        self.failure: WorkbenchError | None = None
        self.store = store
        self._objects = objects
        self._names = names
        self._token = secrets.token_urlsafe(32)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=_MAX_CONNECTIONS)
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True, name="s3-gateway").start()

    def address(self, number: int) -> str:
        """The URL of an object. It contains folders named ``key=value``, for DuckDB."""
        name = quote(self._names[number], safe="/=")
        return f"http://127.0.0.1:{self.port}/{self._token}/{number}/{name}"

    def find(self, target: str) -> StoredObject | None:
        """The requested object; ``None`` if the token or the number is wrong."""
        token, _, rest = target.removeprefix("/").partition("/")
        number = rest.partition("/")[0]
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return None
        known = number.isascii() and number.isdecimal() and int(number) < len(self._objects)
        return self._objects[int(number)] if known else None

    def close(self) -> None:
        """Stops listening and ends every connection. Safe from any thread, and more than once."""
        with self._lock:
            self._closed = True
            open_, self._open = self._open, set()
        for connected in (self._listening, *open_):
            # Closing alone wouldn't wake a thread that waits in accept or recv.
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connected, place = self._listening.accept()
            except OSError:
                return
            with self._lock:
                if self._closed or len(self._open) >= _MAX_CONNECTIONS:
                    connected.close()
                    continue
                self._open.add(connected)
            threading.Thread(
                target=self._serve, args=[connected, place], daemon=True, name="s3-gateway"
            ).start()

    def _serve(self, connected: socket.socket, place: tuple[str, int]) -> None:
        try:
            with suppress(OSError):
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _Requests(connected, place, self)  # type: ignore[arg-type]  # it asks for a server
        finally:
            with self._lock:
                self._open.discard(connected)
            connected.close()


class _Requests(BaseHTTPRequestHandler):
    """Handles the requests of one connection, each forwarded over one connection to the store."""

    protocol_version = "HTTP/1.1"
    server_version = "workbench"
    sys_version = ""
    timeout = _GREETING_SECONDS
    server: Gateway  # type: ignore[assignment]

    def setup(self) -> None:
        super().setup()
        self._link = Link(self.server.store)

    def finish(self) -> None:
        self._link.close()
        super().finish()

    def do_HEAD(self) -> None:
        """Sends an object's size and ETag from the listing."""
        found = self._found()
        if found is not None:
            self.send_response(200)
            self._describe(found, found.size)

    def do_GET(self) -> None:
        """Sends a range of an object, or all of it."""
        found = self._found()
        if found is None:
            return
        requested = self.headers.get("Range")
        span = _span(requested, found.size)
        if span is None:
            self._refuse(416)
            return
        first, last = span
        if last < first:
            self.send_response(200)
            self._describe(found, 0)
            return
        try:
            answer = self._fetch(found, first, last)
        except WorkbenchError as error:
            self.server.failure = error
            self._refuse(503 if error.code == "source_busy" else 502)
            return
        self.send_response(206 if requested else 200)
        if requested:
            self.send_header("Content-Range", f"bytes {first}-{last}/{found.size}")
        self._describe(found, last - first + 1)
        self._pass_on(answer, last - first + 1)

    def _fetch(self, found: StoredObject, first: int, last: int) -> http.client.HTTPResponse:
        """The store's response for a range, once its headers prove that it is the requested one."""
        whole = first == 0 and last == found.size - 1
        headers = {} if whole else {"Range": f"bytes={first}-{last}"}
        answer = self._link.get(found.key, {}, headers)
        if answer.status not in (200, 206):
            try:
                body = answer.read(_HEAD_BYTES)
            except (OSError, http.client.HTTPException):
                body = b""
            self._link.close()
            if answer.status == 416:
                raise _changed(found)
            place = self.server.store.place
            raise errors.refusal(answer.status, body, place.bucket, key=found.key)
        etag = (answer.getheader("ETag") or "").strip('"')
        # Some stores send a range with status 200, so the Content-Range header counts.
        ranged = answer.getheader("Content-Range")
        if not whole and ranged is None and answer.status == 200:
            self._link.close()
            raise SourceFailed(
                "The store only sends whole objects, but ranges of them are needed.",
                code="not_supported",
            )
        if (
            (found.etag and etag and etag != found.etag)
            or answer.length != last - first + 1
            or (not whole and ranged != f"bytes {first}-{last}/{found.size}")
        ):
            self._link.close()
            raise _changed(found)
        return answer

    def _pass_on(self, answer: http.client.HTTPResponse, length: int) -> None:
        buffer = memoryview(bytearray(min(_CHUNK, length)))
        left = length
        try:
            while left:
                size = answer.readinto(buffer[: min(len(buffer), left)])
                if not size:
                    raise http.client.IncompleteRead(b"", left)
                left -= size
                try:
                    self.wfile.write(buffer[:size])
                except OSError:
                    # The process has ended, or stopped reading.
                    self._give_up()
                    return
            answer.read()  # nothing is left, but this frees the connection for the next request
        except (OSError, http.client.HTTPException):
            if not self.server.store.closed:
                self.server.failure = SourceFailed(
                    "The connection to the store was lost while an object was read. Run the query "
                    "again.",
                    code="unreachable",
                )
            self._give_up()

    def _give_up(self) -> None:
        self.close_connection = True
        self._link.close()

    def _found(self) -> StoredObject | None:
        found = self.server.find(self.path)
        if found is None:
            self.close_connection = True
            self._refuse(404)
            return None
        self.connection.settimeout(None)
        return found

    def _describe(self, found: StoredObject, length: int) -> None:
        self.send_header("Content-Length", str(length))
        self.send_header("Accept-Ranges", "bytes")
        if found.etag:
            self.send_header("ETag", f'"{found.etag}"')
        self.end_headers()

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing: the URLs contain the token."""


def _span(requested: str | None, size: int) -> tuple[int, int] | None:
    """The first and last byte of a ``Range`` header; ``None`` if it can't be satisfied."""
    if requested is None:
        return 0, size - 1
    found = _RANGE.fullmatch(requested.strip())
    if found is None or not any(found.groups()):
        return None
    if not found[1]:
        return max(size - int(found[2]), 0), size - 1
    first, last = int(found[1]), int(found[2] or size - 1)
    return (first, min(last, size - 1)) if first < size and first <= last else None


def _changed(found: StoredObject) -> WorkbenchError:
    return Conflict(
        f"“{found.key}” was changed while it was being read. Run the query again.",
        code="source_changed",
    )
