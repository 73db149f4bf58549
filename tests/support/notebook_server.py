"""A user's Jupyter server as the Hub starts it for pipelines' notebooks, but without the Hub."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from wb_hub.notebook_servers import NAME, arguments
from wb_server.kit.endpoint import HangUp
from wb_server.pipelines.kernels.base import Server

from .ports import free_port
from .wait import wait_for


@dataclass
class NotebookServer:
    """A running server, and ``NotebookServers`` with this server only."""

    url: str
    token: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def http(self) -> httpx.Client:
        """A client for its API."""
        return httpx.Client(
            base_url=self.url, headers=self._headers, timeout=60, trust_env=False, verify=False
        )

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"token {self.token}"}

    def attempts(self) -> list[dict[str, Any]]:
        """The attempts for which it has kernels."""
        with self.http as http:
            answer = http.get("/workbench/attempts")
            answer.raise_for_status()
            return list(answer.json()["items"])

    def acquire(
        self,
        user: str,
        *,
        again: bool,
        deadline: float,
        hang_up: HangUp,
        log: Callable[[str], None],
    ) -> Server:
        return Server(self.url, self._headers)

    def running(self, user: str) -> Server | None:
        return Server(self.url, self._headers) if self.process.poll() is None else None

    def close(self) -> None:
        """Does nothing: nothing is held open."""

    def kernels(self) -> list[psutil.Process]:
        """Its living child processes."""
        try:
            found = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return [each for each in found if _lives(each)]

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """Stops it and waits."""
        self.process.send_signal(sign)
        self.process.wait(30)


@contextmanager
def notebook_server(folder: Path, **variables: str) -> Iterator[NotebookServer]:
    """Runs a server while the block runs; its temporary files are in ``folder``."""
    port, token = free_port(), secrets.token_hex(16)
    (folder / "tmp").mkdir(exist_ok=True)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WB_", "WORKBENCH_", "JUPYTER"))
    }
    environment |= {
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_TOKEN": token,
        # A Hub sets these. Nothing listens at the address, and nothing connects to it.
        "WORKBENCH_URL": "http://127.0.0.1:9",
        "JUPYTERHUB_API_TOKEN": "of-the-server",
        "JUPYTERHUB_SERVER_NAME": NAME,
        **variables,
    }
    log = folder / f"jupyter-{port}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "wb_hub.quick", "jupyter_server", f"--port={port}",
                "--ip=127.0.0.1", "--no-browser", "--allow-root", "--ServerApp.port_retries=0",
                "--ServerApp.jpserver_extensions={'wb_server': True}",
                f"--ServerApp.root_dir={folder}", "--ServerApp.base_url=/user/ana/pipelines/",
                *arguments(900),
            ],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    server = NotebookServer(f"http://127.0.0.1:{port}/user/ana/pipelines", token, process, log)

    def ready() -> bool:
        if process.poll() is not None:
            raise RuntimeError(log.read_text())
        try:
            return server.attempts() == []
        except httpx.HTTPError:
            return False

    try:
        wait_for(ready, 60)
        yield server
    finally:
        if process.poll() is None:
            server.stop()


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
