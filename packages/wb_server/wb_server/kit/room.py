"""What a room is: one domain, with all that it declares, and the parts that it adds to a process.

A room stands in its ``room.py``, and ``wb_server/rooms.py`` lists them all, the lowest first. Routes,
tables, rights, topics and commands follow from that list, so that a new room is one line in it.
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
"""What a process is for: ``service`` and ``local`` answer requests, ``local`` for one person alone."""


class Port(Generic[T]):
    """A place for what a higher room provides; a lower one asks it when something happens.

    The lower room declares a class of its own for it, adds one as a part, and hands it to those that ask
    it; the higher room fills it while it is built. So no room imports one above it, and no part is
    changed once it is made.

    Args:
        default: what is there if no room fills it.
    """

    def __init__(self, default: T) -> None:
        self._part = default
        self._filled = False

    def __call__(self) -> T:
        """Whoever fills it."""
        return self._part

    def fill(self, part: T) -> None:
        """Puts in what it is for.

        Raises:
            RuntimeError: another room has filled it.
        """
        if self._filled:
            raise RuntimeError(f"two rooms fill the port of {type(part).__name__}")
        self._part, self._filled = part, True


@dataclass
class Assembly:
    """A process of the Workbench while its rooms add their parts to it.

    Attributes:
        services: the parts, by their class.
        rooms: all rooms, for what is made of their declarations.
        closing: ends the parts; the last one that was added first.
    """

    settings: Settings
    role: ProcessRole
    services: Services
    rooms: Sequence[Room]
    closing: ExitStack

    @property
    def serves(self) -> bool:
        """Whether it answers requests: it alone tidies up, seals the log, and keeps things warm."""
        return self.role in ("service", "local")

    def add(self, part: T, kind: type[T] | None = None) -> T:
        """Adds a part, under its own class or one that it stands for, and returns it."""
        self.services.add(part, kind)
        return part

    def get(self, kind: type[T]) -> T:
        """A part that a lower room has added."""
        return self.services.get(kind)


def _nothing(assembly: Assembly) -> None:
    """A room without parts."""


class CommandError(Exception):
    """The command can't be carried out; the text is the one line that says why."""


@dataclass(frozen=True)
class Command:
    """A command below ``./wb``.

    Attributes:
        run: runs it and returns the exit status.
        text: one line of help.
        define: adds its options; is handed what adds those that all commands share.
    """

    run: Callable[[argparse.Namespace], int]
    text: str
    define: Callable[[argparse.ArgumentParser, Callable[..., None]], None] | None = None


@dataclass(frozen=True)
class Room:
    """One domain.

    What costs time to import is named by a function, so that the command line starts at once.

    Attributes:
        name: of its folder.
        build: adds its parts to a process, on top of those that lower rooms have added.
        start: is called once all rooms are built, the lowest first.
        routes: its endpoints.
        tables: its tables in the metadata database.
        actions: its rows in the table of rights, by name.
        levels: of each kind of thing that it has and that is shared: its levels, the lowest first.
        topics: what it publishes when something changes.
        commands: its commands, by name.
    """

    name: str
    build: Callable[[Assembly], None] = _nothing
    start: Callable[[Assembly], None] = _nothing
    routes: Callable[[], Sequence[Endpoint]] = tuple
    tables: Callable[[], Sequence[sa.Table]] = tuple
    actions: Mapping[str, Action] = field(default_factory=dict)
    levels: Mapping[Thing, Sequence[Level]] = field(default_factory=dict)
    topics: frozenset[str] = frozenset()
    commands: Mapping[str, Command] = field(default_factory=dict)


def actions_of(rooms: Iterable[Room]) -> dict[str, Action]:
    """The table of rights that the rooms make."""
    return {name: action for room in rooms for name, action in room.actions.items()}


def levels_of(rooms: Iterable[Room]) -> dict[Thing, Sequence[Level]]:
    """The levels of each kind of thing that the rooms have."""
    return {thing: levels for room in rooms for thing, levels in room.levels.items()}
