"""Dashboards with Voila: they ask only this server, may be shown inside Lab, and are their user's alone.

Voila's own page takes style sheets and MathJax from CDNs, loads every extension of Lab though it brings
an older Lab, and finds its themes only below the root of the site. Its handler of files asks for no
sign-in, and its address may name a theme that becomes part of the page as it is.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import AuthenticatedFileHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web
from voila import server_extension
from voila.static_file_handler import AllowListFileHandler
from voila.tornado.handler import TornadoVoilaHandler

_TEMPLATES = Path(__file__).parent / "share"
# Extensions that belong to Lab alone: Voila's older Lab lacks what they need.
_NOT_IN_DASHBOARDS = ["@workbench/labext", "jupysql-plugin", "jupyterlab_pygments"]
_OTHER_SITES = ("cross-site", "same-site")


def configure(server: ServerApp) -> None:
    """Sets Voila's defaults before it is loaded; the user's own configuration takes precedence."""
    search = os.environ.get("JUPYTER_PATH", "").split(os.pathsep)
    if str(_TEMPLATES) not in search:
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [*search, str(_TEMPLATES)]))
    voila = server.config.VoilaConfiguration
    defaults: dict[str, Any] = {
        "template": "workbench",
        "page_config_hook": _page_config,
        "extension_denylist": _NOT_IN_DASHBOARDS,
        # Whoever opens a dashboard runs it with their own rights, so its errors are for them.
        "show_tracebacks": True,
        # The other list of notebooks starts widgets, which fail without a kernel.
        "classic_tree": True,
        # Never by the address: it would name any folder, and its text would be part of the page.
        "allow_template_override": "NOTEBOOK",
        "allow_theme_override": "NOTEBOOK",
    }
    for name, value in defaults.items():
        voila.setdefault(name, value)
    # Before Voila lists its handlers.
    server_extension.AllowListFileHandler = Files
    server_extension.TornadoVoilaHandler = Dashboard


class Files(AllowListFileHandler, AuthenticatedFileHandler):  # type: ignore[misc]
    """Pictures beside notebooks, for those who are signed in; scripts in an SVG are confined."""

    def check_xsrf_cookie(self) -> None:
        """Not checked: a picture's address has no token, and reading changes nothing."""


class Dashboard(TornadoVoilaHandler):  # type: ignore[misc]
    """Runs a notebook and shows its outputs."""

    # The Hub forbids frames for all pages of a user's server, which have to stay so. Pages of the same
    # site may show a dashboard, as its preview in Lab does.
    content_security_policy = "frame-ancestors 'self'"

    @web.authenticated
    async def get(self, path: str = "") -> None:
        """A link on another site only offers to run the notebook."""
        if self.request.headers.get("Sec-Fetch-Site") in _OTHER_SITES:
            self.set_header("Cache-Control", "no-store")
            self.finish(self.render_template("ask.html", path=path, address=self.request.uri))
        else:
            await super().get(path)


def _page_config(page: dict[str, Any], *, base_url: str, **_: Any) -> dict[str, Any]:
    """What the page tells Voila's scripts."""
    return page | {
        # With both null, Voila uses the MathJax of its bundle.
        "fullMathjaxUrl": "null",
        "mathjaxConfig": "null",
        "themesUrl": url_path_join(base_url, "voila/api/themes"),
    }
