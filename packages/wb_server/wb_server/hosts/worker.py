"""The worker host: runs tasks of pipelines. Any number may run, on any machine that has the key."""

from __future__ import annotations

import os
import sys

from ..composition import StartError, build
from ..engines import rq
from ..governance.secrets.vault import VaultError
from ..kit.errors import WorkbenchError
from ..pipelines.execute import Executor
from ..pipelines.kernels.base import Kernels
from ..settings import Settings
from .service import logging_of


def main(settings: Settings) -> int:
    """Runs tasks until a signal stops it. Returns the exit status."""
    from .hub_directory import HubDirectory

    logging_of(settings.log_format)
    if not settings.redis_url:
        print("wb: a worker needs Redis: set WB_REDIS_URL", file=sys.stderr)
        return 2
    directory = HubDirectory() if os.environ.get("JUPYTERHUB_API_TOKEN") else None
    try:
        workbench = build(settings, "worker", directory=directory, kernels=_kernels(settings))
    except (StartError, VaultError, WorkbenchError) as error:
        print(f"wb: {error}", file=sys.stderr)
        return 1
    executor = workbench.services.get(Executor)
    try:
        rq.serve(settings.redis_url, executor.name, executor.accept, executor.stop)
    finally:
        workbench.close()
        if directory is not None:
            directory.close()
    return 0


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
