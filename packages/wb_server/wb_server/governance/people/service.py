"""Looks up users and groups, as the identity provider knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, Protocol

from .models import PeopleList, Person


class Directory(Protocol):
    """Who there is, by the identity provider's word. At most some seconds old."""

    def users(self) -> Mapping[str, frozenset[str]]:
        """Every user with their groups. Raises ``Unavailable``."""

    def groups(self) -> frozenset[str]:
        """Every group. Raises ``Unavailable``."""

    def refresh(self) -> None:
        """Forgets what is known, so that the next answer is of now."""


class LocalDirectory:
    """Local mode's: one user, who holds everything."""

    def users(self) -> Mapping[str, frozenset[str]]:
        return {"local": frozenset({"admin"})}

    def groups(self) -> frozenset[str]:
        return frozenset()

    def refresh(self) -> None:
        """There is nothing to forget."""


class PeopleService:
    """What other rooms and the handlers ask of the directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        # Of thousands of people one is asked for alone, by a directory that can.
        self._one: Callable[[str], frozenset[str] | None] = getattr(
            directory, "person", lambda name: directory.users().get(name)
        )

    def search(self, text: str, limit: int) -> PeopleList:
        """Users and groups whose name holds the text, groups first; at most ``limit``."""
        wanted = text.casefold().strip()
        people = [
            *(Person(kind="group", name=name) for name in _found(self._directory.groups(), wanted)),
            *(Person(kind="user", name=name) for name in _found(self._directory.users(), wanted)),
        ]
        return PeopleList(items=people[:limit], more=len(people) > limit)

    def exists(self, kind: Literal["user", "group"], name: str) -> bool:
        """Whether there is such a user or group, as of now."""
        if self._knows(kind, name):
            return True
        self._directory.refresh()  # they may have been added a moment ago
        return self._knows(kind, name)

    def _knows(self, kind: Literal["user", "group"], name: str) -> bool:
        return name in (self._directory.users() if kind == "user" else self._directory.groups())

    def users(self) -> Mapping[str, frozenset[str]]:
        """Every user with their groups."""
        return self._directory.users()

    def groups_of(self, name: str) -> frozenset[str] | None:
        """The groups of one user as of now, or ``None`` if there is none of this name."""
        return self._one(name)


def _found(names: Iterable[str], wanted: str) -> list[str]:
    """The names that hold the text, those that begin with it first."""
    found = [name for name in names if wanted in name.casefold()]
    return sorted(found, key=lambda name: (not name.casefold().startswith(wanted), name))
