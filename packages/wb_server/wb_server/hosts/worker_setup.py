"""``./wb worker-setup``: prints the settings of a worker on another machine, and what stands in its way."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import sqlalchemy as sa

from ..kit.http import configured_client
from ..settings import Settings

TEXT = "print what a worker on another machine needs: settings with secrets, for a file"

_HEAD = """# The settings of a worker on another machine. They contain secrets: keep this file as safe as the master key.
# There: copy the key file, name its place in WB_KEY_FILE, install the same version of the Workbench, and
#   set -a; . ./worker.env; ./wb worker"""
_FILES = """# A folder of its own is enough for sql, copy and http tasks. For notebooks and artifacts the worker needs the
# service's folder {folder}, mounted there, as WB_DATA_DIR."""


def define(parser: argparse.ArgumentParser, settings: Callable[..., None]) -> None:
    """Adds the options."""
    settings(parser)
    parser.add_argument(
        "--hub", metavar="URL", default="",
        help="the address under which the other machine reaches the Hub, as https://hub.example.org",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Prints the settings; the exit status is 1 if a worker elsewhere couldn't work with them."""
    settings = Settings.from_environment()
    problems: list[str] = []
    hub = (arguments.hub or settings.notebooks_url).rstrip("/")
    token = _token()
    if not hub:
        problems.append("name the Hub's address: --hub https://hub.example.org")
    elif _is_local(httpx.URL(hub).host):
        problems.append(f"{hub} is this machine's own address: name the Hub's with --hub")
    if not token:
        problems.append(
            "the Hub has no token for workers elsewhere: set WB_WORKER_TOKEN for it (such as the output "
            "of `openssl rand -hex 32`), restart the Hub, and set it for this command too"
        )
    elif hub and (refused := _refused(hub, token)):
        problems.append(refused)
    database = sa.make_url(settings.database)
    if database.drivername.startswith("sqlite"):
        problems.append(
            "the metadata database is a SQLite file of this machine: other machines need PostgreSQL, see "
            "WB_DATABASE_URL"
        )
    elif _is_local(database.host or ""):
        problems.append(
            f"WB_DATABASE_URL names this machine as {database.host or 'a socket'}: give it a name that "
            "other machines know"
        )
    if not settings.redis_url or settings.redis_url.startswith("unix:"):
        problems.append(
            "Redis is this machine's own, on a socket: other machines need one with an address, see "
            "WB_REDIS_URL"
        )
    elif _is_local(httpx.URL(settings.redis_url).host):
        problems.append("WB_REDIS_URL names this machine: give it a name that other machines know")
    if not settings.key_path.exists():
        problems.append(f"there is no master key in {settings.key_path}: see WB_KEY_FILE")
    values = {
        "WB_DATABASE_URL": settings.database,
        "WB_REDIS_URL": settings.redis_url,
        "WB_KEY_FILE": str(settings.key_path),
        "JUPYTERHUB_API_URL": f"{hub}/hub/api" if hub else "",
        "JUPYTERHUB_API_TOKEN": token,
        "WB_NOTEBOOKS_URL": hub,
        **_same_everywhere(),
    }
    print(_HEAD)
    for name, value in values.items():
        print(f"{name}={shlex.quote(value)}")
    print(_FILES.format(folder=settings.data_dir))
    print("WB_DATA_DIR=/var/lib/workbench-worker")
    for problem in problems:
        print(f"wb: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _same_everywhere() -> dict[str, str]:
    """Settings of this machine that must not differ between the processes of an installation."""
    names = (
        "WB_MODE", "WB_ALLOW_LOOPBACK", "WB_ALLOW_PRIVATE", "WB_FILE_ROOTS", "WB_LEASE_SECONDS",
        "WB_MAX_QUERIES", "WB_MAX_QUERIES_PER_USER", "WB_MAX_TEMP_BYTES", "WB_MAX_WRITE_ROWS",
        "WB_RUN_MAX_ROWS", "WB_RUN_MAX_BYTES", "WB_RUN_QUERY_TIMEOUT",
    )  # fmt: skip
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def _token() -> str:
    path = os.environ.get("WB_WORKER_TOKEN_FILE", "")
    if not path:
        return os.environ.get("WB_WORKER_TOKEN", "")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _refused(hub: str, token: str) -> str | None:
    """Why the Hub doesn't take the token for a worker's."""
    headers = {"Authorization": f"token {token}"}
    with configured_client(f"{hub}/hub/api", headers=headers, timeout=10) as http:
        try:
            status = http.get("/users", params={"limit": 1}).status_code
        except httpx.HTTPError as error:
            return f"{hub} does not answer ({type(error).__name__}): is it the Hub's address?"
    if status in (401, 403):
        return f"the Hub doesn't accept the token (HTTP {status}): restart it with this WB_WORKER_TOKEN"
    return None if status == 200 else f"{hub} answers with HTTP {status}: is it the Hub's address?"


def _is_local(host: str) -> bool:
    return host in ("", "localhost", "::1") or host.startswith("127.")
