"""A kernel of a user's server, driven as JupyterLab does it: by REST and one websocket."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import websocket

_SECONDS = 60.0


@dataclass
class Cell:
    """One executed cell, with outputs as a notebook stores them."""

    code: str
    outputs: list[dict[str, Any]] = field(default_factory=list)
    ok: bool = True

    @property
    def text(self) -> str:
        """What it printed."""
        return "".join(out["text"] for out in self.outputs if out["output_type"] == "stream")

    @property
    def error(self) -> str:
        """The error's name and text; empty if it succeeded."""
        failed = [out for out in self.outputs if out["output_type"] == "error"]
        return f"{failed[0]['ename']}: {failed[0]['evalue']}" if failed else ""


class Kernel:
    """One kernel of a user's server.

    Args:
        server: the server's address, such as ``http://127.0.0.1:8000/user/ana``.
        token: a token with access to that server.
    """

    def __init__(self, server: str, token: str, name: str = "workbench-python") -> None:
        self.cells: list[Cell] = []
        headers = {"Authorization": f"token {token}"}
        self.http = httpx.Client(
            base_url=server, headers=headers, timeout=_SECONDS, trust_env=False
        )
        made = self.http.post("/api/kernels", json={"name": name})
        if made.status_code != 201:
            self.http.close()
            raise RuntimeError(f"no kernel: {made.status_code} {made.text}")
        self.id = str(made.json()["id"])
        self._session = uuid.uuid4().hex
        self._socket = websocket.create_connection(
            f"ws{server.removeprefix('http')}/api/kernels/{self.id}/channels"
            f"?session_id={self._session}",
            header=headers,
            timeout=_SECONDS,
            http_no_proxy=["*"],
        )

    def run(self, code: str) -> Cell:
        """Runs a cell and waits for its end."""
        cell = Cell(code)
        sent = self.send("execute_request", {"code": code, "store_history": True})
        for message in self._replies(sent):
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind in ("stream", "display_data", "execute_result", "error"):
                content.pop("transient", None)
                cell.outputs.append({"output_type": kind, **content})
                cell.ok = cell.ok and kind != "error"
        self.cells.append(cell)
        return cell

    def send(self, kind: str, content: dict[str, Any], channel: str = "shell") -> str:
        """Sends a message and returns its id."""
        number = uuid.uuid4().hex
        header = {
            "msg_id": number,
            "msg_type": kind,
            "session": self._session,
            "username": "",
            "version": "5.3",
        }
        parts = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        self._socket.send(json.dumps({**parts, "channel": channel, "buffers": []}))
        return number

    def reply(self, kind: str, content: dict[str, Any], channel: str = "shell") -> dict[str, Any]:
        """Sends a message other than a cell; returns the content of its reply."""
        for message in self._replies(self.send(kind, content, channel)):
            if message["header"]["msg_type"] == kind.replace("_request", "_reply"):
                return dict(message["content"])
        raise AssertionError("the replies ended")

    def _replies(self, number: str) -> Iterator[dict[str, Any]]:
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            # Receives the server's pings too, so that they don't prolong the wait.
            kind, data = self._socket.recv_data(control_frame=True)
            if kind != websocket.ABNF.OPCODE_TEXT:
                continue
            message = json.loads(data)
            if message["parent_header"].get("msg_id") == number:
                yield message
        raise TimeoutError(f"the kernel did not answer in {_SECONDS} seconds")

    def save(self, path: str) -> None:
        """Saves a notebook of all cells so far, with their outputs."""
        cells = [
            {
                "cell_type": "code",
                "execution_count": number,
                "id": f"cell-{number}",
                "metadata": {},
                "source": cell.code,
                "outputs": [
                    out | ({"metadata": {}} if out["output_type"] in _WITH_METADATA else {})
                    for out in cell.outputs
                ],
            }
            for number, cell in enumerate(self.cells, 1)
        ]
        notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        self.http.put(
            f"/api/contents/{path}", json={"type": "notebook", "content": notebook}
        ).raise_for_status()

    def close(self) -> None:
        """Shuts the kernel down."""
        self._socket.close()
        self.http.delete(f"/api/kernels/{self.id}")
        self.http.close()


_WITH_METADATA = ("display_data", "execute_result")


@contextmanager
def kernel(server: str, token: str, name: str = "workbench-python") -> Iterator[Kernel]:
    """Runs a kernel while the block runs."""
    it = Kernel(server, token, name)
    try:
        yield it
    finally:
        it.close()
