"""A Jupyter server in local mode, with the API embedded in it."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from .api import Api
from .ports import free_port


@contextmanager
def embedded(
    folder: Path, base: str = "/", variables: Mapping[str, str] | None = None
) -> Iterator[Api]:
    """Runs a server while the block runs; yields its embedded API, as the server's user.

    Args:
        base: the server's base path.
        variables: further environment variables; a service's address and a token make it a gateway.
    """
    port, token = free_port(), secrets.token_hex(16)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WB_", "WORKBENCH_", "JUPYTER"))
    }
    environment |= {
        "HOME": str(folder),
        "WB_DATA_DIR": str(folder / "data"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_TOKEN": token,
        **(variables or {}),
    }
    log = folder / "jupyter.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [
                sys.executable, "-m", "wb_hub.quick", "jupyter_server", f"--port={port}", "--ip=127.0.0.1",
                "--no-browser", "--allow-root", "--ServerApp.port_retries=0",
                "--ServerApp.jpserver_extensions={'wb_server': True}",
                f"--ServerApp.root_dir={folder}", f"--ServerApp.base_url={base}",
            ],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    api = Api(f"http://127.0.0.1:{port}{base}workbench", token)
    try:
        for _ in range(600):
            if server.poll() is not None:
                raise RuntimeError(log.read_text())
            try:
                if api.call("GET", "/health").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            # Nothing announces that the server is ready, so poll it.
            time.sleep(0.05)
        else:
            raise RuntimeError(log.read_text())
        yield api
    finally:
        api.close()
        server.terminate()
        server.wait(20)
