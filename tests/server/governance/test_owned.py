"""Owned things, tested with a kind made here: what each kind gets for a model, a table and a few lines."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.house import Staff

from wb_server.governance.owned.handlers import routes
from wb_server.governance.owned.models import (
    OwnedThing,
    OwnedView,
    Owner,
    OwnerRequest,
    ShareRequest,
)
from wb_server.governance.owned.service import UNDO_DAYS, OwnedService
from wb_server.governance.owned.store import (
    OwnedStore,
    owned_columns,
    shares_table,
    unique_among_living,
)
from wb_server.governance.people.service import PeopleService
from wb_server.governance.rights import ROLES, Rights
from wb_server.kit import clock
from wb_server.kit.action import Action, Level
from wb_server.kit.actor import Actor
from wb_server.kit.db import Database
from wb_server.kit.errors import Conflict, Forbidden, NotFound, Unprocessable
from wb_server.kit.events import Bus

# --- all that a kind of thing has to define --------------------------------------------------


class Board(OwnedThing):
    thing = "board"
    plural = "boards"

    kind: str = "plain"  # the table of shares also has a column of this name


class BoardView(OwnedView, Board):
    rank: int


# Not among the Workbench's own tables.
boards = sa.Table(
    "boards",
    sa.MetaData(),
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("name", sa.String(63), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    *owned_columns(),
    unique_among_living("boards"),
)
shares = shares_table("board_shares", boards, "board_id")

LEVELS: tuple[Level, ...] = ("view", "edit", "manage")
ACTIONS = {
    "board.see": Action("viewer", "view", "read", "see a board", "board"),
    "board.update": Action("analyst", "edit", "use", "change a board", "board"),
    "board.delete": Action("analyst", "manage", "use", "delete a board", "board"),
    "board.share": Action("analyst", "manage", "use", "share a board", "board"),
    "board.transfer": Action("admin", "manage", "use", "give a board another owner", "board"),
}


class BoardService(OwnedService[Board, BoardView]):
    by_name = True

    def create(self, actor: Actor, name: str, owner: Owner | None = None) -> BoardView:
        now = clock.now()
        board = Board(
            id=str(uuid.uuid4()),
            name=name,
            owner=owner or Owner(kind="user", name=actor.name),
            created_at=now,
            updated_at=now,
        )
        with self._saving(board):
            pass
        return self.view(actor, board)

    def rename(self, actor: Actor, name_or_id: str, name: str) -> BoardView:
        old = self.require(actor, name_or_id, "update")
        return self._change(actor, old, old.changed(name=name))

    def _details(self, actor: Actor, things: Sequence[Board]) -> Mapping[str, Mapping[str, Any]]:
        return {thing.id: {"rank": rank} for rank, thing in enumerate(things)}


# --- what it gets for that -------------------------------------------------------------------


class RecordingBus(Bus):
    """Records the topics that were published."""

    def __init__(self) -> None:
        super().__init__(frozenset({"boards"}))
        self.published: list[str] = []

    def publish(self, topic: str) -> None:
        super().publish(topic)
        self.published.append(topic)


@dataclass
class Room:
    """Boards in their own database."""

    service: BoardService
    store: OwnedStore[Board]
    bus: RecordingBus

    def everything(self) -> list[Any]:
        return [*self.store.living(), *self.store.deleted()]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    database = Database(f"sqlite:///{tmp_path}/boards.db")
    boards.metadata.create_all(database.engine)
    store, bus = OwnedStore(database, Board, boards, shares), RecordingBus()
    rights, people = Rights(ACTIONS, {"board": LEVELS}), PeopleService(Staff())
    yield Room(BoardService(store, BoardView, rights, people, bus), store, bus)
    database.close()


ROOT = Actor("root", frozenset({"admin"}))
ANA, BEN = Actor("ana", frozenset({"engineer"})), Actor("ben", frozenset({"analyst"}))


@dataclass(frozen=True)
class Case:
    """A user's role, their level on a board, and how they got it."""

    role: str | None
    held: Level | None
    why: str

    @property
    def me(self) -> Actor:
        return Actor("me", frozenset({"crew"} | ({self.role} if self.role else set())))

    def may(self, verb: str) -> bool:
        row = ACTIONS[f"board.{verb}"]
        held = "manage" if self.role == "admin" else self.held
        if self.role is None or held is None or row.role is None or row.level is None:
            return False
        ranked = ROLES.index(self.role) >= ROLES.index(row.role)  # type: ignore[arg-type]
        return ranked and LEVELS.index(held) >= LEVELS.index(row.level)


CASES = [
    Case(role, held, why)
    for role in (None, "viewer", "analyst", "admin")
    for held, why in [
        (None, "none"),
        ("manage", "owner"),
        ("manage", "team"),
        *((level, kind) for level in LEVELS for kind in ("user", "group")),
    ]
]
CALLS: dict[str, tuple[str, Callable[[BoardService, Actor, str], Any]]] = {
    "get": ("see", lambda it, me, board: it.get(me, board)),
    "find": ("see", lambda it, me, board: it.find(me, board)),
    "rename": ("update", lambda it, me, board: it.rename(me, board, "another")),
    "access": ("share", lambda it, me, board: it.sharing.access(me, board)),
    "share": ("share", lambda it, me, board: it.sharing.share(me, board, VIEW_FOR_CEM)),
    "transfer": ("transfer", lambda it, me, board: it.transfer(me, board, TO_BEN)),
    "delete": ("delete", lambda it, me, board: it.delete(me, board)),
    "restore": ("delete", lambda it, me, board: it.restore(me, board)),
}
CHANGES = {"rename", "share", "transfer", "delete", "restore"}
VIEW_FOR_CEM = ShareRequest(kind="user", name="cem", level="view")
TO_BEN = OwnerRequest(kind="user", name="ben")


def board_of(room: Room, case: Case) -> str:
    """Creates a board on which the user has the case's level; returns its id."""
    owner = {"owner": Owner(kind="user", name="me"), "team": Owner(kind="team", name="crew")}
    made = room.service.create(ROOT, "board", owner.get(case.why, Owner(kind="user", name="ana")))
    if case.held and case.why not in owner:
        name = "me" if case.why == "user" else "crew"
        row = {"board_id": made.id, "kind": case.why, "name": name, "level": case.held}
        with room.store.database.write() as transaction:
            transaction.execute(
                shares.insert().values(row | {"shared_by": "root", "shared_at": clock.now()})
            )
    return made.id


def test_each_call_follows_the_rights_and_a_refused_one_changes_nothing(room: Room) -> None:
    for case in CASES:
        board = board_of(room, case)
        for name, (verb, call) in CALLS.items():
            before, announced = room.everything(), len(room.bus.published)
            allowed = case.may(verb)
            refusal = None if allowed else Forbidden if case.may("see") else NotFound
            refused: type[Exception] | None = None
            try:
                call(room.service, case.me, board)
            except (Forbidden, NotFound) as error:
                refused = type(error)
            assert refused is refusal, (case, name)
            changed = room.everything() != before
            assert changed is (allowed and name in CHANGES), (case, name)
            assert (len(room.bus.published) > announced) is changed, (case, name)
            if name == "delete" and not changed:
                room.service.delete(ROOT, board)
            if name == "transfer" and changed:
                room.service.transfer(ROOT, board, OwnerRequest(kind="user", name="ana"))
        with room.store.database.write() as transaction:
            transaction.execute(boards.delete())


def test_a_view_shows_the_level_its_reasons_and_the_allowed_actions(room: Room) -> None:
    for case in CASES:
        board = board_of(room, case)
        listed = room.service.list(case.me)
        assert [view.id for view in listed] == [board] * case.may("see"), case
        assert room.service.names(case.me) == {view.id: view.name for view in listed}
        for view in listed:
            assert view.actions == [name for name in ACTIONS if case.may(name.split(".")[1])], case
            assert view.level == ("manage" if case.role == "admin" else case.held)
            assert view.level == view.reasons[0].level
            assert (case.why in {reason.kind for reason in view.reasons}) or case.why == "none"
            shared = case.why in ("user", "group") and case.may("share")
            assert bool(view.shares) is shared, case
            assert (view.rank, view.kind) == (0, "plain")
        room.service.delete(ROOT, board)
        deletable = room.service.list(case.me, deleted=True)
        assert [view.id for view in deletable] == [board] * case.may("delete"), case
        with room.store.database.write() as transaction:
            transaction.execute(boards.delete())


@dataclass
class Model:
    """The boards that should exist: id -> name; for the deleted, also the time of their deletion."""

    living: dict[str, str] = field(default_factory=dict)
    deleted: dict[str, tuple[str, datetime]] = field(default_factory=dict)


@pytest.mark.parametrize("seed", range(6))
def test_random_changes_keep_names_unique_and_deletions_undoable(
    room: Room, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng, model, now = random.Random(seed), Model(), clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    it, names = room.service, ["one", "two", "three", "four"]
    for _ in range(120):
        now += timedelta(days=rng.choice([0, 0, 1, 9]))
        name = rng.choice(names)
        free = name not in model.living.values()
        do = rng.choice(["create", "rename", "delete", "restore", "purge"])
        if do == "create":
            if free:
                model.living[it.create(ANA, name).id] = name
            else:
                with pytest.raises(Conflict, match="already") as taken:
                    it.create(BEN, name)
                assert taken.value.code == "name_taken"
        elif do == "rename" and model.living:
            board = rng.choice(list(model.living))
            if free or model.living[board] == name:
                it.rename(ANA, model.living[board], name)
                model.living[board] = name
            else:
                with pytest.raises(Conflict):
                    it.rename(ANA, board, name)
        elif do == "delete" and model.living:
            board = rng.choice(list(model.living))
            it.delete(ANA, board)
            model.deleted[board] = (model.living.pop(board), now)
        elif do == "restore" and model.deleted:
            board = rng.choice(list(model.deleted))
            name = model.deleted[board][0]
            if name in model.living.values():
                with pytest.raises(Conflict):
                    it.restore(ANA, board)
            else:
                assert it.restore(ANA, board).deleted_at is None
                model.living[board] = model.deleted.pop(board)[0]
                with pytest.raises(Conflict) as living:
                    it.restore(ANA, board)
                assert living.value.code == "not_deleted"
        elif do == "purge":
            undo = timedelta(days=UNDO_DAYS)
            gone = [board for board, (_, at) in model.deleted.items() if at < now - undo]
            assert it.purge() == len(gone)
            for board in gone:
                del model.deleted[board]
        assert it.names(ANA) == model.living
        assert {view.id: view.name for view in it.list(ANA, deleted=True)} == {
            board: name for board, (name, _) in model.deleted.items()
        }


def test_saving_over_a_later_version_is_a_conflict(room: Room) -> None:
    made = room.service.create(ANA, "board")
    old = room.service.saved(ANA, "board")
    room.service.rename(ANA, made.id, "renamed")
    with pytest.raises(Conflict) as late:
        room.service._change(ANA, old, old.changed(name="late"))
    assert late.value.code == "changed_meanwhile"
    assert room.service.names(ANA) == {made.id: "renamed"}
    assert room.bus.published == ["boards"] * 2


def test_an_unknown_name_suggests_similar_ones_but_not_to_runs(room: Room) -> None:
    def answer(actor: Actor) -> tuple[str, Any]:
        with pytest.raises(NotFound) as refused:
            room.service.find(actor, "saless")
        assert refused.value.code == "unknown_board"
        return refused.value.message, refused.value.details["near"]

    missing = "There is no board named “saless”."
    assert answer(ANA) == (f"{missing} You have no boards yet.", [])
    for name in ("sales", "sales_2"):
        room.service.create(ANA, name)
    assert answer(ANA) == (f"{missing} Did you mean “sales” or “sales_2”?", ["sales", "sales_2"])
    assert answer(BEN) == (f"{missing} You have no boards yet.", [])
    assert answer(Actor("ana", ANA.groups, via="run:1")) == (missing, [])
    assert [view.name for view in room.service.list(ANA, search="LES 2")] == ["sales_2"]


def test_only_users_and_groups_of_the_hub_are_given_access(room: Room) -> None:
    made = room.service.create(ANA, "board")
    for call in (
        lambda: room.service.transfer(ROOT, made.id, OwnerRequest(kind="team", name="nobodys")),
        lambda: room.service.sharing.share(
            ANA, made.id, ShareRequest(kind="user", name="nobody", level="view")
        ),
    ):
        with pytest.raises(Unprocessable) as unknown:
            call()
        assert unknown.value.code == "unknown_person"
    access = room.service.transfer(ROOT, made.id, OwnerRequest(kind="team", name="finance"))
    assert access.owner == Owner(kind="team", name="finance")
    assert [person.name for person in access.people] == ["eva", "root"]


def test_every_kind_has_the_same_endpoints() -> None:
    made = {
        (route.method, route.path): (route.action, route.audit)
        for route in routes(BoardService, BoardView)
    }
    assert made == {
        ("GET", "/boards/{id}"): ("board.see", None),
        ("DELETE", "/boards/{id}"): ("board.delete", "board.delete"),
        ("POST", "/boards/{id}/restore"): ("board.delete", "board.restore"),
        ("GET", "/boards/{id}/access"): ("board.share", None),
        ("POST", "/boards/{id}/shares"): ("board.share", "board.share"),
        ("DELETE", "/boards/{id}/shares/{kind}/{name}"): ("board.share", "board.unshare"),
        ("POST", "/boards/{id}/owner"): ("board.transfer", "board.transfer"),
    }
