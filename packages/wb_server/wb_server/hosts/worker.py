"""The worker host: runs tasks of pipelines. Any number may run, on any machine that has the key."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from pathlib import Path

from ..composition import StartError, Workbench, build
from ..engines import rq
from ..governance.people.service import Directory
from ..governance.secrets.vault import VaultError
from ..kit.disk import is_full
from ..kit.errors import Unavailable, WorkbenchError
from ..pipelines.execute import Executor
from ..pipelines.kernels.base import Kernels
from ..settings import Settings
from .service import logging_of

log = logging.getLogger(__name__)

_SETUP = "`./wb worker-setup` on the service's machine prints what a worker elsewhere needs."


def main(settings: Settings) -> int:
    """Runs tasks until a signal stops it. Returns the exit status."""
    from .hub_directory import HubDirectory

    logging_of(settings.log_format)
    missing = _missing(settings)
    if missing:
        for line in missing:
            print(f"wb: {line}", file=sys.stderr)
        print(f"wb: {_SETUP}", file=sys.stderr)
        return 2
    directory = HubDirectory() if settings.mode == "hub" else None
    try:
        if directory is not None:
            directory.prove()
        workbench = _built(settings, directory)
    except (StartError, VaultError, WorkbenchError) as error:
        print(f"wb: {error}", file=sys.stderr)
        if directory is not None:
            directory.close()
        return 1
    executor = workbench.services.get(Executor)
    try:
        rq.serve(settings.redis_url, executor.name, executor.accept, executor.stop)
    finally:
        workbench.close()
        if directory is not None:
            directory.close()
    return 0


def _built(settings: Settings, directory: Directory | None) -> Workbench:
    """Builds the process's parts. A worker whose predecessor left claims frees them, so it needs room.

    Ending instead would use up a supervisor's restarts in the seconds in which the disk is full.
    """
    while True:
        try:
            return build(settings, "worker", directory=directory, kernels=_kernels(settings))
        except (Unavailable, OSError) as error:
            if not is_full(error) and getattr(error, "code", "") != "storage_full":
                raise
            log.warning("waiting to start: %s", error)
            time.sleep(2)


def _missing(settings: Settings) -> list[str]:
    """What a worker needs and doesn't have: without it, it would fail every task that it takes."""
    found = []
    if not settings.redis_url:
        found.append("a worker needs Redis: set WB_REDIS_URL")
    if not settings.database_url and not (Path(settings.data_dir) / "workbench.db").exists():
        found.append(
            "a worker needs the metadata database of the service, and there is none in "
            f"{settings.data_dir}: set WB_DATABASE_URL"
        )
    if not settings.key_path.exists():
        found.append(
            f"a worker needs the master key, and {settings.key_path} doesn't exist: set WB_KEY_FILE"
        )
    if settings.mode == "hub":
        for name, what in (
            ("JUPYTERHUB_API_URL", "the address of the Hub's API"),
            ("JUPYTERHUB_API_TOKEN", "the Hub's token for workers (WB_WORKER_TOKEN there)"),
        ):
            if not os.environ.get(name):
                found.append(f"a worker asks the Hub for the owners of runs: set {name}, {what}")
    folder = Path(settings.data_dir)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if not is_full(error):
            found.append(
                f"a worker needs a folder that it can write to, and {folder} can't be written "
                f"({error.strerror}): set WB_DATA_DIR"
            )
    return found


def _kernels(settings: Settings) -> Kernels | None:
    """Where notebooks run: in their owners' servers, started by the Hub."""
    api_url, token = os.environ.get("JUPYTERHUB_API_URL"), os.environ.get("JUPYTERHUB_API_TOKEN")
    if not (api_url and token and settings.notebooks_url):
        return None
    from ..pipelines.kernels.remote import ServerKernels
    from .hub_servers import HubServers

    seconds = settings.notebooks_start_seconds
    servers = HubServers(api_url, token, settings.notebooks_url, start_seconds=seconds)
    return ServerKernels(servers)
