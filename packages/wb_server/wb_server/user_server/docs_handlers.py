"""Serves the Workbench's documentation from a user's Jupyter server: Lab shows it without the network.

The pages are part of the installed package. In a checkout they are read where they are written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jupyter_server.base.handlers import AuthenticatedFileHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join

_PACKAGE: Final = Path(__file__).parents[1]


def folder() -> Path:
    """The folder of the pages."""
    installed = _PACKAGE / "documentation"
    return installed if installed.is_dir() else _PACKAGE.parents[2] / "docs"


def mount(server: ServerApp, base: str) -> None:
    """Adds the pages and their pictures to a Jupyter server."""
    assert server.web_app is not None
    path = url_path_join(base, r"/workbench/docs/(.+)")
    server.web_app.add_handlers(  # type: ignore[no-untyped-call]
        ".*$", [(path, DocsHandler, {"path": str(folder())})]
    )


class DocsHandler(AuthenticatedFileHandler):
    """A page or a picture."""

    def check_xsrf_cookie(self) -> None:
        """Not checked: a picture's address has no token, and the pages are no secret."""
