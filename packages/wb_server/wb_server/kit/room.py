"""Rooms: what a domain declares, and the parts that it adds to a process.

Each room is declared in its ``room.py``, and ``wb_server/rooms.py`` lists them all, lowest first.
Routes, tables, rights, topics and commands follow from that list: adding a room takes one line in it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from .action import Action, Level, Thing
from .endpoint import Endpoint, Services

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ..settings import Settings

T = TypeVar("T")

ProcessRole = Literal["service", "local", "worker", "scheduler", "command"]
"""What a process is for: ``service`` and ``local`` answer requests, ``local`` for a single user."""


class Port(Generic[T]):
    """A place in a lower room that a higher room fills.

    The lower room declares a subclass for it, adds an instance as a part, and passes it to its users;
    the higher room fills it in its ``build``. So no room imports one above it, and no part is changed
    after it is constructed.

    Args:
        default: what the port returns if no room fills it.
    """

    def __init__(self, default: T) -> None:
        self._part = default
        self._filled = False

    def __call__(self) -> T:
        """What fills it, or the default."""
        return self._part

    def fill(self, part: T) -> None:
        """Fills the port.

        Raises:
            RuntimeError: another room has already filled it.
        """
        if self._filled:
            raise RuntimeError(f"two rooms fill the port of {type(part).__name__}")
        self._part, self._filled = part, True


@dataclass
class Assembly:
    """A process of the Workbench while its rooms add their parts to it.

    Attributes:
        services: the parts, by class.
        rooms: all rooms, for parts that are built from their declarations.
        closing: closes the parts, the last one added first.
    """

    settings: Settings
    role: ProcessRole
    services: Services
    rooms: Sequence[Room]
    closing: ExitStack

    @property
    def serves(self) -> bool:
        """Whether it answers requests: only such a process cleans up, seals the log and pre-warms."""
        return self.role in ("service", "local")

    def add(self, part: T, kind: type[T] | None = None) -> T:
        """Adds a part, under its own class or ``kind``, and returns it."""
        self.services.add(part, kind)
        return part

    def get(self, kind: type[T]) -> T:
        """A part that a lower room added."""
        return self.services.get(kind)


def _nothing(assembly: Assembly) -> None:
    """A room without parts."""


class CommandError(Exception):
    """The command failed; the text is one line that says why."""


@dataclass(frozen=True)
class Command:
    """A command below ``./wb``.

    Attributes:
        run: runs it and returns the exit status.
        text: one line of help.
        define: adds its options; its second argument adds those that all commands share.
    """

    run: Callable[[argparse.Namespace], int]
    text: str
    define: Callable[[argparse.ArgumentParser, Callable[..., None]], None] | None = None


@dataclass(frozen=True)
class Room:
    """One domain.

    What is slow to import is returned by a function, so that the command line starts fast.

    Attributes:
        name: the name of its folder.
        build: adds its parts to a process, on top of those that lower rooms added.
        start: called once all rooms are built, lowest first.
        routes: its endpoints.
        tables: its tables in the metadata database.
        actions: its rows in the table of rights, by name.
        audited: words for what it writes into the audit log, by the action's name; what an endpoint
            records has the endpoint's summary, unless several endpoints record the same action.
        levels: the levels of each kind of thing that it owns and shares, lowest first.
        topics: what it publishes when something changes.
        commands: its commands, by name.
    """

    name: str
    build: Callable[[Assembly], None] = _nothing
    start: Callable[[Assembly], None] = _nothing
    routes: Callable[[], Sequence[Endpoint]] = tuple
    tables: Callable[[], Sequence[sa.Table]] = tuple
    actions: Mapping[str, Action] = field(default_factory=dict)
    audited: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[Thing, Sequence[Level]] = field(default_factory=dict)
    topics: frozenset[str] = frozenset()
    commands: Mapping[str, Command] = field(default_factory=dict)


def actions_of(rooms: Iterable[Room]) -> dict[str, Action]:
    """The table of rights: the actions of all rooms."""
    return {name: action for room in rooms for name, action in room.actions.items()}


def levels_of(rooms: Iterable[Room]) -> dict[Thing, Sequence[Level]]:
    """The levels of each kind of thing, from all rooms."""
    return {thing: levels for room in rooms for thing, levels in room.levels.items()}
