"""The gate: decides what may run."""

from __future__ import annotations

from ..kit.room import Assembly, Room


def _build(assembly: Assembly) -> None:
    from ..governance.rights import Rights
    from .analysis import Analyst
    from .service import Gate

    analyst = Analyst()
    assembly.closing.callback(analyst.close)
    assembly.add(Gate(assembly.get(Rights), analyst))


ROOM = Room("gate", build=_build)
