"""The actions of the audit log in words, from the declarations of rooms and endpoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ...kit.endpoint import Endpoint
from ...kit.room import Room, actions_of
from .models import AuditAction


class AuditActions:
    """The actions that the log can contain.

    A refused request is recorded under the right that was missing, if the endpoint records nothing else.

    Attributes:
        unclear: the actions that several endpoints record, each with words of its own: a room has to name
            them.
    """

    def __init__(self, rooms: Sequence[Room]) -> None:
        named = {name: words for room in rooms for name, words in room.audited.items()}
        summaries = _summaries(route for room in rooms for route in room.routes())
        self.unclear = sorted(
            name for name, words in summaries.items() if len(set(words)) > 1 and name not in named
        )
        recorded = {name: words[0] for name, words in summaries.items()} | named
        refused = {name: _sentence(row.title) for name, row in actions_of(rooms).items()}
        self._all = [
            AuditAction(name=name, title=title, recorded=name in recorded)
            for name, title in sorted((refused | recorded).items())
        ]

    def list(self) -> list[AuditAction]:
        """All actions, by name."""
        return self._all


def _summaries(routes: Iterable[Endpoint]) -> dict[str, list[str]]:
    """The summaries of the endpoints that record an action."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for route in routes:
        if route.audit is not None:
            found[route.audit].append(route.summary.partition(";")[0])
    return found


def _sentence(title: str) -> str:
    return title[:1].upper() + title[1:]
