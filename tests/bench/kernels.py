"""A kernel on a Jupyter server, by the REST API and the websocket that a browser uses.

https://jupyter-server.readthedocs.io/en/latest/developers/websocket-protocols.html (without a
subprotocol: messages are JSON); https://jupyter-client.readthedocs.io/en/latest/messaging.html
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import websocket
from support.postgres import free_port
from support.wait import wait_for

BENCH = Path(__file__).resolve().parent


class Kernel:
    """A started kernel, and the websocket to it.

    Args:
        url: the Jupyter server's.
        token: sent in the header ``Authorization``, as scripts do.
        name: the kernel's; the server's default if left out.
    """

    def __init__(self, url: str, token: str, name: str | None = None) -> None:
        headers = {"Authorization": f"token {token}"}
        self._http = httpx.Client(
            base_url=f"{url}/api/", headers=headers, timeout=60, trust_env=False
        )
        made = self._http.post("kernels", json={"name": name} if name else {})
        made.raise_for_status()
        self.id = made.json()["id"]
        self._session = uuid.uuid4().hex
        self._socket = websocket.create_connection(
            f"{url.replace('http', 'ws', 1)}/api/kernels/{self.id}/channels"
            f"?session_id={self._session}",
            header=headers,
            timeout=300,
        )
        self.execute("pass")

    def execute(self, code: str) -> str:
        """Runs code and returns what it printed, once the kernel is idle again.

        Raises:
            RuntimeError: the code raised an error; the text is its traceback.
        """
        asked = uuid.uuid4().hex
        header = {
            "msg_id": asked,
            "msg_type": "execute_request",
            "session": self._session,
            "username": "",
            "version": "5.3",
            "date": "",
        }
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        self._socket.send(
            json.dumps(
                {
                    "channel": "shell",
                    "header": header,
                    "parent_header": {},
                    "metadata": {},
                    "content": content,
                    "buffers": [],
                }
            )
        )
        printed, failed = "", ""
        waiting = {"execute_reply", "idle"}
        while waiting:
            message = json.loads(self._socket.recv())
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream" and content["name"] == "stdout":
                printed += content["text"]
            elif kind == "error":
                failed = "\n".join(content["traceback"])
            elif kind == "execute_reply":
                waiting.discard(kind)
            elif kind == "status":
                waiting.discard(content["execution_state"])
        if failed:
            raise RuntimeError(failed)
        return printed

    def measure(self, job: dict[str, Any]) -> dict[str, Any]:
        """Does a job of ``measure.py`` in the kernel."""
        code = (
            f"import sys; sys.path.insert(0, {str(BENCH)!r})\n"
            f"import measure; print(measure.run({job!r}))"
        )
        result: dict[str, Any] = json.loads(self.execute(code).splitlines()[-1])
        return result

    def latency(self, count: int) -> list[float]:
        """The seconds of so many executes, one after the other."""
        for _ in range(5):
            self.execute("1+1")
        seconds = []
        for _ in range(count):
            began = time.perf_counter()
            self.execute("1+1")
            seconds.append(time.perf_counter() - began)
        return seconds

    def close(self) -> None:
        """Ends the kernel."""
        self._socket.close()
        self._http.delete(f"kernels/{self.id}")
        self._http.close()


@contextmanager
def kernel(url: str, token: str, name: str | None = None) -> Iterator[Kernel]:
    """A kernel for as long as the block runs."""
    it = Kernel(url, token, name)
    try:
        yield it
    finally:
        it.close()


@contextmanager
def jupyter(folder: Path, *, ours: bool) -> Iterator[tuple[str, str]]:
    """A plain Jupyter server, with our extension or without it: its address and token."""
    port, token = free_port(), secrets.token_hex(16)
    folder.mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WB_", "WORKBENCH_", "JUPYTER"))
    }
    log = folder / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [
                sys.executable, "-P", "-m", "jupyter_server", f"--port={port}", "--ip=127.0.0.1",
                "--no-browser", "--allow-root", "--ServerApp.port_retries=0",
                f"--ServerApp.jpserver_extensions={{'wb_server': {ours}}}",
                f"--ServerApp.root_dir={folder}",
            ],
            env={
                **kept,
                "HOME": str(folder),
                "WB_DATA_DIR": str(folder / "data"),
                "JUPYTER_PREFER_ENV_PATH": "1",
                "JUPYTER_TOKEN": token,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        if server.poll() is not None:
            raise RuntimeError(log.read_text())
        try:
            return httpx.get(f"{url}/api", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_for(answers, 60)
        yield url, token
    finally:
        server.terminate()
        server.wait(30)
