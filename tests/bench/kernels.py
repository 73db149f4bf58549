"""Kernels for the benchmarks: measuring inside a kernel, and a kernel's latency."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from support.kernel import Kernel
from support.ports import free_port
from support.wait import wait_for

BENCH = Path(__file__).resolve().parent


def measure(kernel: Kernel, job: dict[str, Any]) -> dict[str, Any]:
    """Runs a job of ``measure.py`` in a kernel.

    Raises:
        RuntimeError: the job failed.
    """
    cell = kernel.run(
        f"import sys; sys.path.insert(0, {str(BENCH)!r})\n"
        f"import measure; print(measure.run({job!r}))"
    )
    if not cell.ok:
        raise RuntimeError(cell.error)
    result: dict[str, Any] = json.loads(cell.text.splitlines()[-1])
    return result


def latency(kernel: Kernel, count: int) -> list[float]:
    """Seconds from sending to idle of each of ``count`` executes, one after the other."""
    for _ in range(5):
        kernel.run("1+1")
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        kernel.run("1+1")
        seconds.append(time.perf_counter() - began)
    return seconds


@contextmanager
def jupyter(folder: Path, *, ours: bool) -> Iterator[tuple[str, str]]:
    """A plain Jupyter server, with or without our extension: its address and token."""
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
