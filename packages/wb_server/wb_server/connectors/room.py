"""Connectors: how sources are dialled and read."""

from __future__ import annotations

from pathlib import Path

from ..kit.room import Assembly, Room


def _build(assembly: Assembly) -> None:
    from ..kit.network import NetworkPolicy
    from .base import Connectors
    from .standard import standard_connectors

    settings = assembly.settings
    connectors = Connectors(
        standard_connectors(
            network=assembly.get(NetworkPolicy),
            roots=settings.roots,
            worker_memory=settings.worker_memory,
            temporary=Path(settings.data_dir) / "temporary",
            warm=assembly.serves,
        )
    )
    assembly.closing.callback(connectors.close)
    assembly.add(connectors)


ROOM = Room("connectors", build=_build)
