"""The Workbench: one service that holds the secrets, one gate that every read passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kit.version import VERSION as __version__

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

__all__ = ["__version__"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "wb_server"}]


def _link_jupyter_server_extension(server: ServerApp) -> None:
    from .user_server import kernel_client, voila

    kernel_client.configure(server.config)
    voila.configure(server)


def _load_jupyter_server_extension(server: ServerApp) -> None:
    from .hosts.jupyter import load

    load(server)
