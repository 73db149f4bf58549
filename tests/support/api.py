"""A thin API client for tests, so that a test sees status and body unchanged."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pyarrow as pa
import pytest

# For tests of what a host itself does: bodies, errors, streams, and clients that hang up. They get
# the fixture ``api`` on each host in turn; other tests get a fast one.
every_host = pytest.mark.parametrize("api", ["embedded", "service", "gateway"], indirect=True)


class Api:
    """The API at one address, as one user or unauthenticated."""

    def __init__(self, base: str, token: str | None) -> None:
        self.base = base.rstrip("/")
        headers = {"Authorization": f"token {token}"} if token else {}
        # Tests create dozens of these: kept-alive connections would stay open until collected.
        once = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(
            headers=headers, timeout=60, trust_env=False, verify=False, limits=once
        )

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """Sends one request below ``/api/v1``."""
        return self.http.request(
            method, f"{self.base}/api/v1{path}", json=body, params=query or None
        )

    def ok(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Sends a request that must succeed; returns the answer's body."""
        answer = self.call(method, path, body, **query)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def refused(self, status: int, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Sends a request that must fail with this status; returns the error."""
        answer = self.call(method, path, body, **query)
        assert answer.status_code == status, f"{answer.status_code} {answer.text}"
        error = answer.json()["error"]
        assert set(error) == {"code", "message", "details"}
        assert error["message"] and error["message"][0].isprintable()
        return error

    def query(self, connection: str, sql: str, **more: Any) -> tuple[pa.Table, dict[str, Any]]:
        """Runs a statement; returns its rows and the closing batch's metadata."""
        body = {"connection": connection, "sql": sql, **more}
        answer = self.call("POST", "/query", body)
        assert answer.status_code == 200, answer.text
        return read(answer.content)

    def close(self) -> None:
        """Closes its connections."""
        self.http.close()


def read(content: bytes) -> tuple[pa.Table, dict[str, Any]]:
    """Splits an answer into its rows and its closing batch's metadata."""
    reader = pa.ipc.open_stream(content)
    batches, end = [], None
    while True:
        try:
            batch, metadata = reader.read_next_batch_with_custom_metadata()
        except StopIteration:
            break
        if metadata is not None and b"workbench" in metadata:
            end = json.loads(metadata[b"workbench"])
        batches.append(batch)
    assert end is not None, "the answer has no closing batch"
    return pa.Table.from_batches(batches, reader.schema), end
