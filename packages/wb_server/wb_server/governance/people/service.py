"""Looks up users and groups in the identity provider's directory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, Protocol

from .models import PeopleList, Person


class Directory(Protocol):
    """The identity provider's users and groups. At most a few seconds old."""

    def users(self) -> Mapping[str, frozenset[str]]:
        """Every user with their groups. Raises ``Unavailable``."""

    def groups(self) -> frozenset[str]:
        """Every group. Raises ``Unavailable``."""

    def refresh(self) -> None:
        """Drops what is cached, so that the next answer is current."""


class LocalDirectory:
    """The directory of local mode: one user, an administrator."""

    def users(self) -> Mapping[str, frozenset[str]]:
        return {"local": frozenset({"admin"})}

    def groups(self) -> frozenset[str]:
        return frozenset()

    def refresh(self) -> None:
        """Does nothing: nothing is cached."""


class PeopleService:
    """Searches the directory, for the handlers and other rooms."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        # A directory that can look up one user alone needn't list thousands.
        self._one: Callable[[str], frozenset[str] | None] = getattr(
            directory, "person", lambda name: directory.users().get(name)
        )

    def search(self, text: str, limit: int) -> PeopleList:
        """Users and groups whose name contains the text, groups first; at most ``limit``."""
        wanted = text.casefold().strip()
        people = [
            *(Person(kind="group", name=name) for name in _found(self._directory.groups(), wanted)),
            *(Person(kind="user", name=name) for name in _found(self._directory.users(), wanted)),
        ]
        return PeopleList(items=people[:limit], more=len(people) > limit)

    def exists(self, kind: Literal["user", "group"], name: str) -> bool:
        """Whether this user or group exists, as of now."""
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
        """The groups of one user as of now, or ``None`` if there is no such user."""
        return self._one(name)


def _found(names: Iterable[str], wanted: str) -> list[str]:
    """The names that contain the text, those that begin with it first."""
    found = [name for name in names if wanted in name.casefold()]
    return sorted(found, key=lambda name: (not name.casefold().startswith(wanted), name))
