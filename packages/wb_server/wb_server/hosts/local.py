"""Local mode: the whole API inside one user's Jupyter server, with an embedded store."""

from __future__ import annotations

import atexit
import os
from pathlib import Path

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web

from ..composition import build
from ..governance.secrets import vault
from ..kit.actor import Actor
from ..kit.errors import NotSignedIn
from ..operations.migration import migrate
from ..settings import Settings
from .web import EndpointHandler, Serving, UnknownPath, rules

_EVERYWHERE = frozenset({"", "*", "0.0.0.0", "::"})  # noqa: S104 (names to compare with)


class LocalHandler(EndpointHandler, JupyterHandler):
    """An endpoint for the user of this Jupyter server."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Authenticates and checks the XSRF token, as Jupyter does, and then the body's size."""
        await JupyterHandler.prepare(self, _redirect_to_login=False)
        if not self._finished:
            await EndpointHandler.prepare(self)

    async def actor(self) -> Actor:
        """The Jupyter server's user, who owns the machine."""
        if self.current_user is None:
            raise NotSignedIn("Sign in to this Jupyter server.")
        return Actor("local", frozenset({"admin"}), frozenset({"use"}), "local")

    # Jupyter's own check would answer in another format; `actor` does ours.
    get = post = patch = delete = put = head = options = allow_unauthenticated(
        EndpointHandler._answer
    )

    def get_login_url(self) -> str:
        """Answers 401: an API doesn't redirect to a page."""
        raise web.HTTPError(401)


class LocalUnknown(UnknownPath, LocalHandler):
    """Every other path below the API."""


def serve(server: ServerApp, base: str) -> None:
    """Mounts the API on a Jupyter server, creating the data folder if missing."""
    settings = Settings.from_environment({"WB_ALLOW_LOOPBACK": "1", **os.environ})
    settings.mode = "local"
    folder = Path(settings.data_dir)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for root in settings.roots:
        root.mkdir(parents=True, exist_ok=True)
    if not settings.key_path.exists():
        vault.generate(settings.key_path)
    migrate(settings)
    workbench = build(settings, "local")
    serving = Serving(workbench.api, workbench.bus)
    assert server.web_app is not None
    server.web_app.add_handlers(  # type: ignore[no-untyped-call]
        ".*$", list(rules(url_path_join(base, "/workbench"), serving, LocalHandler, LocalUnknown))
    )
    # Kernels inherit the server's environment; in local mode they belong to the same user.
    os.environ.setdefault("WORKBENCH_URL", _url(server, base))
    os.environ.setdefault("WORKBENCH_TOKEN", server.identity_provider.token)
    atexit.register(workbench.close)
    atexit.register(serving.close)
    server.log.info("Workbench: local mode, data in %s", folder)


def _url(server: ServerApp, base: str) -> str:
    # Kernels of a server that listens on all addresses use the loopback one.
    host = "127.0.0.1" if server.ip in _EVERYWHERE else server.ip
    return f"http://{host}:{server.port}{url_path_join(base, '/workbench')}"
