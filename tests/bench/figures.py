"""The output of ``--json``: one JSON object per line, one line per figure."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        peer: the peer that was measured; ``None`` for the Workbench itself.
    """

    name: str
    value: float
    unit: str
    peer: str | None = None


def show(figures: Iterable[Figure]) -> None:
    """Prints the figures as JSON lines."""
    for figure in figures:
        print(json.dumps(asdict(figure)))


def spread(name: str, seconds: Sequence[float], peer: str | None = None) -> list[Figure]:
    """The 50th and 95th percentiles of ``seconds``, in milliseconds."""
    if not seconds:
        return []
    cuts = statistics.quantiles(seconds, n=20, method="inclusive") if len(seconds) > 1 else []
    values = (cuts[9], cuts[18]) if cuts else (seconds[0], seconds[0])
    return [
        Figure(f"{name}, {which}", value * 1000, "ms", peer)
        for which, value in zip(("p50", "p95"), values, strict=True)
    ]
