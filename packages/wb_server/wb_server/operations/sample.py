"""``wb sample``: the connection `sample` on the sample's files, for everyone with a role."""

from __future__ import annotations

import argparse
from pathlib import Path

TEXT = "add the connection `sample` on the sample's files"


def run(arguments: argparse.Namespace) -> int:
    """Adds the connection unless it exists, and returns the exit status."""
    from ..composition import build
    from ..connections.models import ConnectionCreate, Owner
    from ..connections.service import ConnectionService
    from ..kit.actor import Actor
    from ..kit.errors import Conflict
    from ..settings import Settings

    settings = Settings.from_environment()
    workbench = build(settings, "command")
    try:
        workbench.services.get(ConnectionService).create_for(
            Actor("system", frozenset({"admin"}), via="wb sample"),
            ConnectionCreate(
                name="sample",
                connector="files",
                description="Three years of a made-up trading company: customers, orders, "
                "invoices, payments.",
                config={"folder": str(Path(settings.roots[0]) / "sample")},
            ),
            Owner(kind="team", name="viewer"),
        )
    except Conflict:
        pass  # it already exists
    finally:
        workbench.close()
    return 0
