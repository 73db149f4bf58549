"""Dashboards with Voila: they ask only this server, and may be shown inside Lab.

Voila's own page takes style sheets and MathJax from CDNs, loads every extension of Lab though it brings
an older Lab, and finds its themes only below the root of the site.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join

_TEMPLATES = Path(__file__).parent / "share"
# Extensions that belong to Lab alone: Voila's older Lab lacks what they need.
_NOT_IN_DASHBOARDS = ["@workbench/labext", "jupysql-plugin", "jupyterlab_pygments"]


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
    }
    for name, value in defaults.items():
        voila.setdefault(name, value)


def allow_in_lab() -> None:
    """Lets pages of the same site show a dashboard in a frame, as its preview in Lab does.

    The Hub forbids frames for all pages of a user's server, which have to stay so.
    """
    from voila.tornado.handler import TornadoVoilaHandler

    TornadoVoilaHandler.content_security_policy = "frame-ancestors 'self'"


def _page_config(page: dict[str, Any], *, base_url: str, **_: Any) -> dict[str, Any]:
    """What the page tells Voila's scripts."""
    return page | {
        # With both null, Voila uses the MathJax of its bundle.
        "fullMathjaxUrl": "null",
        "mathjaxConfig": "null",
        "themesUrl": url_path_join(base_url, "voila/api/themes"),
    }
