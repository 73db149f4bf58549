"""The Workbench: one service that holds the secrets, one gate that every read passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "wb_server"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    from .hosts.jupyter import load

    load(server)
