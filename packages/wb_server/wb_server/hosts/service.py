"""The service host: the Workbench as a JupyterHub service at ``/services/workbench/``."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import os
import signal
import sys
from collections.abc import Collection
from datetime import UTC, datetime
from urllib.parse import urlsplit

from tornado import httpserver, web
from tornado.httputil import HTTPServerRequest

from ..composition import StartError, Workbench, build
from ..governance.people.service import PeopleService
from ..governance.secrets.vault import VaultError
from ..kit.actor import Actor
from ..settings import Settings
from .hub_directory import HubDirectory
from .hub_identity import HubIdentity
from .jwt_identity import JwtIdentity
from .web import EndpointHandler, Serving, UnknownPath, rules

log = logging.getLogger("wb_server")


class HubHandler(EndpointHandler):
    """An endpoint for users that the Hub authenticates."""

    async def actor(self) -> Actor:
        identity: HubIdentity = self.settings["identity"]
        return await identity.actor(self)

    def address(self) -> str:
        return client_address(self.request, self.settings["trusted_proxies"])


def client_address(request: HTTPServerRequest, trusted: Collection[str]) -> str:
    """The client's address, as seen by the outermost trusted proxy.

    Each proxy appends its client's address to ``X-Forwarded-For``, so what a client itself writes
    there comes before it. ``X-Real-Ip`` is ignored: the Hub's proxy passes on what a client claims in
    it. Without a proxy, such as from a kernel, it is the other end of the connection; such a caller may
    claim any address.

    Args:
        trusted: addresses of proxies in front of the Hub's own; loopback ones are always trusted.
    """
    found = request.remote_ip or ""
    for part in reversed(",".join(request.headers.get_list("X-Forwarded-For")).split(",")):
        try:
            address = ipaddress.ip_address(part.strip())
        except ValueError:
            break
        address = getattr(address, "ipv4_mapped", None) or address
        found = str(address)
        if not address.is_loopback and found not in trusted:
            break
    return found


class HubUnknown(UnknownPath, HubHandler):
    """Every other path below the API."""


def application(
    workbench: Workbench, serving: Serving, prefix: str, identity: HubIdentity
) -> web.Application:
    """The Tornado application of the service."""
    return web.Application(
        [
            *rules(prefix, serving, HubHandler, HubUnknown),
            (r".*", HubUnknown, {"serving": serving}),
        ],
        identity=identity,
        trusted_proxies={part.strip() for part in workbench.settings.trusted_proxies.split(",")},
        log_function=_log_request,
    )


def main(settings: Settings) -> int:
    """Runs the service until a signal stops it. Returns the exit status.

    The Hub sets where to listen and below which path in the environment variables
    ``JUPYTERHUB_SERVICE_URL`` and ``JUPYTERHUB_SERVICE_PREFIX``.
    """
    logging_of(settings.log_format)
    directory = HubDirectory()
    try:
        workbench = build(settings, directory=directory)
    except (StartError, VaultError) as error:
        print(f"wb: {error}", file=sys.stderr)
        return 1
    try:
        asyncio.run(_serve(workbench, directory))
    finally:
        workbench.close()
        directory.close()
    return 0


async def _serve(workbench: Workbench, directory: HubDirectory) -> None:
    url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/services/workbench/")
    serving = Serving(workbench.api, workbench.bus)
    settings = workbench.settings
    issued = JwtIdentity(settings, directory) if settings.jwt_issuer else None
    identity = HubIdentity(issued, workbench.services.get(PeopleService))
    server = httpserver.HTTPServer(
        application(workbench, serving, prefix, identity),
        max_body_size=2**40,
        idle_connection_timeout=75,
    )
    server.listen(url.port or 80, url.hostname or "127.0.0.1")
    log.info("the Workbench service listens on %s:%s", url.hostname, url.port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    server.stop()
    await identity.close()
    serving.close()


def _log_request(handler: web.RequestHandler) -> None:
    request: HTTPServerRequest = handler.request
    level = logging.WARNING if handler.get_status() >= 500 else logging.INFO
    log.log(
        level,
        "%s %s",
        request.method,
        request.path,
        extra={
            "status": handler.get_status(),
            "ms": round(request.request_time() * 1000, 1),
            "actor": handler.log_name() if isinstance(handler, EndpointHandler) else "-",
            "request_id": handler.origin.request_id
            if isinstance(handler, EndpointHandler)
            else "-",
        },
    )


class _Json(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ("status", "ms", "actor", "request_id"):
            if hasattr(record, name):
                line[name] = getattr(record, name)
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)


class _TextFormatter(logging.Formatter):
    """A human-readable line."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        if hasattr(record, "status"):
            line += f" {record.status} {record.ms} ms {record.actor} {record.request_id}"  # type: ignore[attr-defined]
        return line


def logging_of(form: str) -> None:
    """Sets up the log of a process of the Workbench: ``text`` or ``json``."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        _Json()
        if form == "json"
        else _TextFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Nothing formats the source, thread, process or task of a record, so they aren't looked up.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # Libraries log URLs and statements, which belong in the audit log.
    for name in ("httpx", "httpcore", "sqlalchemy", "alembic", "sqlglot"):
        logging.getLogger(name).setLevel(logging.WARNING)
