"""The Jupyter host: the ``wb_server`` extension of a Jupyter server.

Behind a Hub it mounts the gateway. Alone (``jupyter lab`` on one's own machine) it serves the API
itself, with an embedded store and the Jupyter server's own identity: local mode, where the machine
and its secrets are the user's own.
"""

from __future__ import annotations

import os
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.utils import ensure_async, url_path_join

from . import attempts, folder
from .gateway import GatewayHandler, Upstream


class NoDelayConnection(ZMQChannelsWebsocketConnection):
    """A kernel's websocket whose small messages leave at once.

    With Nagle's algorithm an execute waits for the peer's delayed acknowledgement: 48 ms instead of
    7 ms.
    """

    async def connect(self) -> None:  # type: ignore[override]
        self.websocket_handler.set_nodelay(True)
        await ensure_async(super().connect())

    def _limit_rate(self, channel: str, msg: dict[str, Any], msg_list: list[bytes]) -> bool:
        # The limit is there for what is printed without end. Jupyter's own also loses errors, tables
        # and the values that a pipeline's task answers with.
        if channel == "iopub":
            header = msg["header"] = self.get_part(  # type: ignore[no-untyped-call]
                "header", msg["header"], msg_list
            )
            if header["msg_type"] not in ("stream", "status"):
                return False
        return bool(super()._limit_rate(channel, msg, msg_list))  # type: ignore[no-untyped-call]


def load(server: ServerApp) -> None:
    """Mounts what fits on a Jupyter server: the gateway, or the whole API."""
    assert server.web_app is not None
    server.web_app.settings["kernel_websocket_connection_class"] = NoDelayConnection
    base = server.web_app.settings["base_url"]
    attempts.mount(server, base)
    folder.mount(server, base)
    url, token = os.environ.get("WORKBENCH_URL"), os.environ.get("JUPYTERHUB_API_TOKEN")
    if url and token:
        server.web_app.add_handlers(  # type: ignore[no-untyped-call]
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
        # Only local mode needs the service's own parts; a user's server behind a Hub has no use
        # for them.
        from .local import serve

        serve(server, base)
