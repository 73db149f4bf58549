"""The Jupyter host: the ``wb_server`` extension of a Jupyter server.

Behind a Hub it mounts the gateway. Alone (``jupyter lab`` on one's own machine) it serves the API
itself, with an embedded store and the Jupyter server's own identity: local mode, where the machine
and its secrets are the user's own.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.utils import url_path_join
from tornado import web

from ..kit.actor import Actor
from ..kit.errors import NotSignedIn
from .gateway import GatewayHandler, Upstream


class NoDelayConnection(ZMQChannelsWebsocketConnection):
    """A kernel's websocket whose small messages leave at once.

    With Nagle's algorithm an execute waits for the peer's delayed acknowledgement: 48 ms instead of
    7 ms.
    """

    async def connect(self) -> None:
        self.websocket_handler.set_nodelay(True)
        await super().connect()


def load(server: ServerApp) -> None:
    """Mounts what fits on a Jupyter server: the gateway, or the whole API."""
    assert server.web_app is not None
    server.web_app.settings["kernel_websocket_connection_class"] = NoDelayConnection
    base = server.web_app.settings["base_url"]
    url, token = os.environ.get("WORKBENCH_URL"), os.environ.get("JUPYTERHUB_API_TOKEN")
    if url and token:
        server.web_app.add_handlers(
            ".*$",
            [
                (
                    url_path_join(base, r"/workbench/(api/v1/.*)"),
                    GatewayHandler,
                    {"upstream": Upstream(url, token)},
                )
            ],
        )
        server.log.info("Workbench: using the service at %s", url)
    else:
        _serve_locally(server, base)


def _serve_locally(server: ServerApp, base: str) -> None:
    # Only local mode needs the service's own parts; a user's server never loads them.
    from ..composition import build
    from ..governance.secrets import vault
    from ..kit.db import migrate
    from ..settings import Settings
    from .web import EndpointHandler, Serving, UnknownPath, rules

    class LocalHandler(EndpointHandler, JupyterHandler):  # type: ignore[misc]
        """An endpoint for the user of this Jupyter server."""

        async def prepare(self) -> None:
            await JupyterHandler.prepare(self, _redirect_to_login=False)
            if not self._finished:
                await EndpointHandler.prepare(self)

        async def actor(self) -> Actor:
            user = self.current_user
            if user is None:
                raise NotSignedIn("Sign in to this Jupyter server.")
            return Actor("local", frozenset({"admin"}), frozenset({"use"}), "local")

        @web.authenticated
        async def _local(self, **path: str) -> None:
            await self._answer(**path)

        get = post = patch = delete = put = head = options = _local

        def get_login_url(self) -> str:
            raise web.HTTPError(401)

    class LocalUnknown(UnknownPath, LocalHandler):  # type: ignore[misc]
        """Every other path below the API."""

    settings = Settings.from_environment({"WB_ALLOW_LOOPBACK": "1", **os.environ})
    settings.mode = "local"
    folder = Path(settings.data_dir)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for root in settings.roots:
        root.mkdir(parents=True, exist_ok=True)
    if not settings.key_path.exists():
        vault.generate(settings.key_path)
    migrate(settings.database)
    workbench = build(settings)
    serving = Serving(workbench.api, workbench.bus)
    assert server.web_app is not None
    server.web_app.add_handlers(
        ".*$", list(rules(url_path_join(base, "/workbench"), serving, LocalHandler, LocalUnknown))
    )
    # Kernels inherit the server's environment; in local mode they are the same person's.
    os.environ.setdefault("WORKBENCH_URL", _local_url(server, base))
    os.environ.setdefault("WORKBENCH_TOKEN", server.identity_provider.token)  # type: ignore[attr-defined]
    server.web_app.settings["workbench_close"] = _closer(workbench, serving)
    server.log.info("Workbench: local mode, data in %s", folder)


def _local_url(server: ServerApp, base: str) -> str:
    host = server.ip if server.ip not in ("", "0.0.0.0", "::") else "127.0.0.1"
    return f"http://{host}:{server.port}{url_path_join(base, '/workbench')}"


def _closer(workbench: Any, serving: Any) -> Any:
    def close() -> None:
        serving.close()
        workbench.close()

    return close
