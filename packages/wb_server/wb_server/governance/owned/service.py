"""The operations on all owned things: list, see, change, delete, restore, purge, share."""

from __future__ import annotations

import builtins
import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar, Generic, TypeVar

import sqlalchemy as sa

from ...kit import clock
from ...kit.actor import Actor
from ...kit.errors import Conflict, NotFound
from ...kit.events import Bus
from ..people.service import PeopleService
from ..rights import Rights
from .models import Access, OwnedThing, OwnedView, Owner, OwnerRequest
from .sharing import Sharing
from .store import OwnedStore

UNDO_DAYS = 30
T = TypeVar("T", bound=OwnedThing)
V = TypeVar("V", bound=OwnedView, covariant=True)


class OwnedService(Generic[T, V]):
    """The rules that all kinds of owned things share.

    The service of a kind extends it with how a thing is created and changed, using ``require``,
    ``_saving`` and ``_change``. Other specifics go into ``_details``, ``_impossible``, ``_restored``,
    ``_transferred`` and ``_after_change``, which are neutral here.

    Rights are the kind's ``see``, ``update``, ``delete``, ``share`` and ``transfer``; the topic is its
    plural.

    Args:
        view: the model of a thing as one actor sees it.

    Attributes:
        by_name: whether paths may use a thing's name instead of its id.
        sharing: the sharing of these things.
    """

    by_name: ClassVar[bool] = False

    def __init__(
        self, store: OwnedStore[T], view: type[V], rights: Rights, people: PeopleService, bus: Bus
    ) -> None:
        self._store = store
        self._view = view
        self._rights = rights
        self._people = people
        self._bus = bus
        self._thing, self._plural = store.model.thing, store.model.plural
        self.sharing = Sharing(self.require, store, rights, people, bus)
        people.holders.append(self)

    # --- reading ---------------------------------------------------------------------------

    def list(self, actor: Actor, *, search: str = "", deleted: bool = False) -> builtins.list[V]:
        """The things that the actor may see, by name.

        Args:
            search: only those whose ``search_text`` contains all of its words.
            deleted: list instead those that are deleted and can be restored.
        """
        return self._views(actor, self._found(actor, search, deleted))

    def names(self, actor: Actor) -> dict[str, str]:
        """Id -> name of every undeleted thing that the actor may see."""
        return {row.id: row.name for row in self._found(actor)}

    def get(self, actor: Actor, thing_id: str) -> V:
        """One thing.

        Raises:
            NotFound: there is none, or none that the actor may see.
        """
        return self.view(actor, self.saved(actor, thing_id))

    def saved(self, actor: Actor, thing_id: str) -> T:
        """An undeleted thing that the actor may see, by its id or name in a path.

        Raises:
            NotFound: there is none, or none that the actor may see.
        """
        if self.by_name:
            return self.find(actor, thing_id)
        return self._visible(actor, self._store.by_id(thing_id), deleted=False)

    def find(self, actor: Actor, name_or_id: str) -> T:
        """An undeleted thing that the actor may see, by its name or id.

        Raises:
            NotFound: with similar names among those that the actor may see.
        """
        found = self._store.by_name(name_or_id) or self._store.by_id(name_or_id)
        if found and not found.deleted_at and self._may(actor, "see", found):
            return found
        near, hint = [], ""
        # Everyone who sees a run reads its messages, and they may see fewer things than its actor.
        if not actor.via.startswith("run:"):
            names = self.names(actor).values()
            near = difflib.get_close_matches(name_or_id, names, n=3, cutoff=0.5)
            hint = f" Did you mean {_either(near)}?" if near else ""
            if not names:
                hint = f" You have no {self._plural} yet."
        raise NotFound(
            f"There is no {self._thing} named “{name_or_id[:100]}”.{hint}",
            code=f"unknown_{self._thing}",
            near=near,
        )

    def view(self, actor: Actor, thing: T) -> V:
        """A thing with the actor's level on it and what they may do with it."""
        return self._views(actor, [thing])[0]

    def require(self, actor: Actor, thing_id: str, verb: str) -> T:
        """An undeleted thing on which the actor may do something.

        Raises:
            NotFound: there is none, or none that the actor may see.
            Forbidden: the actor may not.
        """
        thing = self.saved(actor, thing_id)
        self._rights.require(actor, f"{self._thing}.{verb}", thing)
        return thing

    # --- changing --------------------------------------------------------------------------

    def delete(self, actor: Actor, thing_id: str) -> V:
        """Deletes a thing; ``restore`` undoes it for 30 days.

        Raises:
            NotFound, Forbidden: as for ``require``.
        """
        old = self.require(actor, thing_id, "delete")
        return self._change(actor, old, old.changed(deleted_at=clock.now()))

    def restore(self, actor: Actor, thing_id: str) -> V:
        """Restores a deleted thing.

        Raises:
            NotFound, Forbidden: as for ``require``.
            Conflict: it isn't deleted, or another thing has taken its name meanwhile.
        """
        old = self._visible(actor, self._store.by_id(thing_id), deleted=True)
        self._rights.require(actor, f"{self._thing}.delete", old)
        if old.deleted_at is None:
            raise Conflict(f"“{old.name}” is not deleted.", code="not_deleted")
        return self._change(actor, old, self._restored(old).changed(deleted_at=None))

    def transfer(self, actor: Actor, thing_id: str, request: OwnerRequest) -> Access:
        """Gives a thing another owner. The previous one keeps the access that shares give them.

        Raises:
            NotFound, Forbidden: as for ``require``; only administrators may.
            Unprocessable: there is no such user or group (``unknown_person``).
            Conflict: somebody else changed the thing meanwhile.
        """
        old = self.require(actor, thing_id, "transfer")
        owner = Owner(kind=request.kind, name=request.name)
        self._people.require_known(owner.hub_kind, owner.name)
        changed = self._transferred(old, owner).changed()
        with self._saving(changed, old) as transaction:
            self._store.unshare(transaction, old.id, owner.hub_kind, owner.name)
        return self.sharing.of(self._store.by_id(old.id) or changed)

    # --- when a user leaves ----------------------------------------------------------------

    def owned_by(self, name: str) -> builtins.list[T]:
        """The things that a user owns, the deleted ones last. Checks no rights."""
        owner = Owner(kind="user", name=name)
        return [
            thing
            for thing in (*self._store.living(), *self._store.deleted())
            if thing.owner == owner
        ]

    def prepare_hand_over(
        self, things: builtins.list[T], owner: Owner
    ) -> builtins.list[tuple[T, T]]:
        """Each of these things, and the same as its new owner will get it."""
        return [(old, self._transferred(old, owner).changed()) for old in things]

    def hand_over(self, transaction: sa.Connection, changes: builtins.list[tuple[T, T]]) -> None:
        """Writes prepared changes of owners.

        Raises:
            Conflict: somebody else changed a thing meanwhile.
        """
        for old, new in changes:
            self._store.update(transaction, new, old.version)
            self._store.unshare(transaction, new.id, new.owner.hub_kind, new.owner.name)

    def handed_over(self, changes: builtins.list[tuple[T, T]]) -> None:
        """Called once the changes are committed."""
        for _, new in changes:
            self._after_change(new)
        if changes:
            self._bus.publish(self._plural)

    def purge(self) -> int:
        """Permanently removes what was deleted over 30 days ago; called when the service starts."""
        return self._store.purge(clock.now() - timedelta(days=UNDO_DAYS))

    # --- what a kind may override ----------------------------------------------------------

    def _details(self, actor: Actor, things: Sequence[T]) -> Mapping[str, Mapping[str, Any]]:
        """Id -> further fields of the view, besides the thing's and the actor's rights."""
        return {}

    def _impossible(self, thing: T) -> Collection[str]:
        """The actions that nobody can do on this thing, whatever their rights."""
        return ()

    def _restored(self, thing: T) -> T:
        """A deleted thing, as it is restored."""
        return thing

    def _transferred(self, thing: T, owner: Owner) -> T:
        """A thing, as its new owner gets it."""
        return thing.model_copy(update={"owner": owner})

    def _after_change(self, thing: T) -> None:
        """Called after a change was committed, before its topic is published."""

    # --- for the services of kinds ---------------------------------------------------------

    @contextmanager
    def _saving(self, thing: T, old: T | None = None) -> Iterator[sa.Connection]:
        """Writes a thing in the same transaction as the block's changes, then publishes its topic.

        Args:
            old: the version that it replaces; ``None`` for a new thing.

        Raises:
            Conflict: the name is taken, or somebody else changed it meanwhile.
        """
        with self._store.database.write() as transaction:
            if old is None:
                self._store.insert(transaction, thing)
            else:
                self._store.update(transaction, thing, old.version)
            yield transaction
        self._after_change(thing)
        self._bus.publish(self._plural)

    def _change(self, actor: Actor, old: T, changed: T) -> V:
        with self._saving(changed, old):
            pass
        return self.view(actor, changed)

    def _found(self, actor: Actor, search: str = "", deleted: bool = False) -> builtins.list[T]:
        words = search.casefold().split()
        rows = self._store.deleted() if deleted else self._store.living()
        verb = "delete" if deleted else "see"
        return [row for row in rows if self._may(actor, verb, row) and _matches(row, words)]

    def _views(self, actor: Actor, things: Sequence[T]) -> builtins.list[V]:
        details = self._details(actor, things)
        share = f"{self._thing}.share"
        views = []
        for thing in things:
            reasons = self._rights.reasons(actor, thing)
            impossible = self._impossible(thing)
            allowed = self._rights.allowed(actor, thing)
            actions = [action for action in allowed if action not in impossible]
            fields = thing.model_dump(exclude=set() if share in actions else {"shares"})
            views.append(
                self._view(
                    **fields,
                    level=reasons[0].level,
                    reasons=reasons,
                    actions=actions,
                    **details.get(thing.id, {}),
                )
            )
        return views

    def _visible(self, actor: Actor, found: T | None, *, deleted: bool) -> T:
        gone = found is None or (found.deleted_at is not None and not deleted)
        if found is None or gone or not self._may(actor, "see", found):
            raise NotFound(
                f"There is no such {self._thing}, or none that you may see.",
                code=f"unknown_{self._thing}" if self.by_name else "unknown_id",
            )
        return found

    def _may(self, actor: Actor, verb: str, thing: T) -> bool:
        return self._rights.may(actor, f"{self._thing}.{verb}", thing)


def _matches(thing: OwnedThing, words: Collection[str]) -> bool:
    text = thing.search_text().casefold() if words else ""
    return all(word in text for word in words)


def _either(names: Sequence[str]) -> str:
    quoted = [f"“{name}”" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
