"""The Jupyter host: the ``wb_server`` extension of a Jupyter server.

Behind a Hub it mounts the gateway. Standalone (``jupyter lab`` on your own machine) it serves the API
itself, with an embedded store and the Jupyter server's identity: local mode, where the machine and its
secrets are the user's own.
"""

from __future__ import annotations

import os

from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join

from ..user_server import attempt_handlers, docs_handlers, folder_handlers
from ..user_server.gateway import GatewayHandler, Upstream
from ..user_server.kernel_specs import prefer_workbench
from ..user_server.websocket import NoDelayConnection


def load(server: ServerApp) -> None:
    """Mounts the gateway on a Jupyter server behind a Hub, the whole API on a standalone one."""
    assert server.web_app is not None
    server.web_app.settings["kernel_websocket_connection_class"] = NoDelayConnection
    prefer_workbench(server)
    base = server.web_app.settings["base_url"]
    attempt_handlers.mount(server, base)
    folder_handlers.mount(server, base)
    docs_handlers.mount(server, base)
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
        # Only local mode needs the service's code; a user's server behind a Hub doesn't.
        from .local import serve

        serve(server, base)
