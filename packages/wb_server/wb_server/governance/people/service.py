"""Looks up users and groups in the identity provider's directory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal, Protocol

import sqlalchemy as sa

from ...kit.errors import Unprocessable
from ..rights import LOCKED_OUT, ROLES
from .models import PeopleList, Person
from .namesakes import Namesakes


class Directory(Protocol):
    """The identity provider's users and groups. At most a few seconds old."""

    def users(self) -> Mapping[str, frozenset[str]]:
        """Every user with their groups. Raises ``Unavailable``."""

    def groups(self) -> frozenset[str]:
        """Every group. Raises ``Unavailable``."""

    def groups_created(self) -> Mapping[str, str]:
        """Every group as of now, and when it was created, as text that sorts by time; empty text if
        that isn't known. Raises ``Unavailable``."""

    def refresh(self) -> None:
        """Drops what is cached, so that the next answer is current."""

    def created(self) -> Mapping[str, str]:
        """When each user was created, as text that sorts by time. Tells users of one name apart."""

    def created_at(self, name: str) -> str | None:
        """When one user was created; ``None`` if there is no such user, or it isn't known."""


class LocalDirectory:
    """The directory of local mode: one user, an administrator."""

    def users(self) -> Mapping[str, frozenset[str]]:
        return {"local": frozenset({"admin"})}

    def groups(self) -> frozenset[str]:
        return frozenset()

    def groups_created(self) -> Mapping[str, str]:
        return {}

    def refresh(self) -> None:
        """Does nothing: nothing is cached."""

    def created(self) -> Mapping[str, str]:
        return {}

    def created_at(self, name: str) -> str | None:
        return None


class Holder(Protocol):
    """Has things that users own: the service of one kind of them. ``PeopleService`` lists them all."""

    def owned_by(self, name: str) -> list[Any]:
        """The things that a user owns, the deleted ones last."""

    def prepare_hand_over(self, things: list[Any], owner: Any) -> list[tuple[Any, Any]]:
        """Each of these things, and the same as its new owner will get it."""

    def hand_over(self, transaction: sa.Connection, changes: list[tuple[Any, Any]]) -> None:
        """Writes prepared changes. Raises ``Conflict`` if a thing was changed meanwhile."""

    def handed_over(self, changes: list[tuple[Any, Any]]) -> None:
        """Called once the changes are committed."""


class PeopleService:
    """Searches the directory, for the handlers and other rooms.

    Whoever it names is the present user of that name, and so are groups: what a former one left is
    settled first.

    Attributes:
        holders: the services of all kinds of owned things.
    """

    def __init__(
        self,
        directory: Directory,
        namesakes: Namesakes | None = None,
        groups: Namesakes | None = None,
    ) -> None:
        self._directory = directory
        self._namesakes = namesakes
        self._groups = groups
        self.holders: list[Holder] = []
        # A directory that can look up one user alone needn't list thousands.
        self._one: Callable[[str], frozenset[str] | None] = getattr(
            directory, "person", lambda name: directory.users().get(name)
        )
        self._created: Callable[[], Mapping[str, str]] = getattr(directory, "created", dict)
        self._groups_created: Callable[[], Mapping[str, str]] = getattr(
            directory, "groups_created", lambda: dict.fromkeys(directory.groups(), "")
        )
        self._created_at: Callable[[str], str | None] = getattr(
            directory, "created_at", lambda name: self._created().get(name)
        )

    def search(self, text: str, limit: int) -> PeopleList:
        """Users and groups whose name contains the text, groups first; at most ``limit``."""
        wanted = text.casefold().strip()
        people = [
            *(Person(kind="group", name=name) for name in _found(self._directory.groups(), wanted)),
            *(Person(kind="user", name=name) for name in _found(self.users(), wanted)),
        ]
        return PeopleList(items=people[:limit], more=len(people) > limit)

    def exists(self, kind: Literal["user", "group"], name: str) -> bool:
        """Whether this user or group exists, as of now."""
        # They may have been added a moment ago, or replaced by another one of the same name.
        if kind == "group":
            return name in self._settled_groups([name])
        self._directory.refresh()
        return name in self.users()

    def require_known(
        self, kind: Literal["user", "group"], name: str, *, field: str = "name"
    ) -> None:
        """Checks that this user or group exists, as of now.

        Args:
            field: the request's field with the name.

        Raises:
            Unprocessable: it doesn't (``unknown_person``).
        """
        if not self.exists(kind, name):
            raise Unprocessable(
                f"There is no {kind} “{name[:100]}” in the Hub.",
                code="unknown_person",
                field=field,
            )

    def users(self) -> Mapping[str, frozenset[str]]:
        """Every user with their groups."""
        users = self._directory.users()
        if self._namesakes is not None:
            self._namesakes.settle(self._created())
        return users

    def groups_of(self, name: str) -> frozenset[str] | None:
        """The groups of one user as of now, or ``None`` if there is no such user."""
        # First, because it asks the directory now: the groups, which may be cached, are then of that
        # answer, and not those of a former user.
        created = self.created_at(name)
        groups = self._one(name)
        if groups is not None and not self.is_current(name, created):
            # The answer was cached, and another process has seen a later user of that name.
            self._directory.refresh()
            groups = self._one(name)
        self.settle_groups(groups or ())
        return groups

    def settle_groups(self, names: Collection[str]) -> None:
        """Settles what former groups of these names left: whoever is in a group now gets none of it.

        Call it with the groups of a user once the directory has said who is in them, since it asks for
        the groups afterwards. Roles stay what they are.
        """
        if own := set(names) - {*ROLES, LOCKED_OUT}:
            self._settled_groups(own)

    def _settled_groups(self, names: Collection[str]) -> Mapping[str, str]:
        created = self._groups_created()
        if self._groups is not None:
            named = set(names) - {*ROLES, LOCKED_OUT}
            self._groups.settle({name: created[name] for name in named & created.keys()})
        return created

    def created_at(self, name: str) -> str | None:
        """When the present user of this name was created; ``None`` if the directory doesn't say."""
        return self._created_at(name)

    def is_known(self, name: str, created: str | None) -> bool:
        """``is_current``, if it can be answered without the database."""
        namesakes = self._namesakes
        return namesakes is None or created is None or namesakes.known(name, created)

    def is_current(self, name: str, created: str | None) -> bool:
        """Whether the user who was created then is the last one of that name."""
        if self._namesakes is None or created is None:
            return True
        if not self._namesakes.known(name, created):
            self._namesakes.settle({name: created})
        return self._namesakes.known(name, created)


def _found(names: Iterable[str], wanted: str) -> list[str]:
    """The names that contain the text, those that begin with it first."""
    found = [name for name in names if wanted in name.casefold()]
    return sorted(found, key=lambda name: (not name.casefold().startswith(wanted), name))
