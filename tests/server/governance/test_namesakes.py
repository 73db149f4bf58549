"""A user of a reused name inherits nothing, in SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.house import House, Staff, house_at
from support.postgres import Cluster

from wb_server.connections.service import ConnectionService
from wb_server.governance.owned.models import ShareRequest
from wb_server.governance.people.namesakes import (
    Namesakes,
    names_group,
    names_user,
    people,
)
from wb_server.governance.people.service import PeopleService
from wb_server.kit.db import Database, metadata
from wb_server.kit.errors import NotFound
from wb_server.kit.events import Bus
from wb_server.rooms import tables

FIRST, SECOND, THIRD = (f"2026-0{month}-01T00:00:00.000000+00:00" for month in (1, 2, 3))
ONE = "name: {name}\ntasks:\n  one: {{type: sql, connection: warehouse, statement: 'select 1 as n'}}\n"


class Dated(Staff):
    """A directory that says when it created its users."""

    def __init__(self) -> None:
        super().__init__()
        self.dates = dict.fromkeys(self.groups_of, FIRST)
        self.group_dates = dict.fromkeys(self.groups(), FIRST)

    def created(self) -> dict[str, str]:
        return self.dates

    def groups_created(self) -> dict[str, str]:
        return self.group_dates

    def replace(self, name: str, since: str) -> None:
        """Deletes a user and creates another one of the same name."""
        self.dates = {**self.dates, name: since}


class Remembering(Dated):
    """A directory that keeps its last answer about a user, as the Hub's does."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self._kept: dict[str, frozenset[str]] = {}

    def created_at(self, name: str) -> str:
        self._ask(name)
        return self.dates[name]

    def person(self, name: str) -> frozenset[str]:
        if name not in self._kept:
            self._ask(name)
        return self._kept[name]

    def refresh(self) -> None:
        self._kept.clear()

    def _ask(self, name: str) -> None:
        self.asked += 1
        self._kept[name] = self.groups_of[name]


@pytest.fixture
def office(
    tmp_path: Path, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[House, Dated]]:
    staff = Dated()
    monkeypatch.setattr("support.house.Staff", lambda: staff)
    with house_at(tmp_path, postgres) as house:
        yield house, staff


def test_a_reused_name_inherits_nothing(office: tuple[House, Dated]) -> None:
    house, staff = office
    connections: ConnectionService = house.get(ConnectionService)
    pipeline = house.create("ana", ONE.format(name="daily"))
    run = house.run("ana", "daily")
    assert run.state == "succeeded"
    house.share("ana", pipeline.id, "ben", "manage")
    [warehouse] = connections.list(house["ana"])

    for name in ("ana", "ben"):
        staff.replace(name, SECOND)
    house.get(PeopleService).users()

    assert connections.list(house["ana"]) == connections.list(house["ben"]) == []
    assert house.pipelines.list(house["ana"]) == house.pipelines.list(house["ben"]) == []
    with pytest.raises(NotFound):
        house.runs.get(house["ana"], run.id)
    # Administrators still see whose they were, and transfer them.
    [left] = connections.list(house["root"])
    assert left.id == warehouse.id
    assert left.owner.name.startswith("ana (left by 20")
    assert [share.name for share in left.shares] == ["eva"]
    # Nothing more runs with the former user's rights, nor with the new one's.
    kept = house.pipelines.saved(house["root"], "daily")
    assert kept.owner == left.owner
    assert not kept.shares
    assert house.runs.get(house["root"], run.id).run_as == f"user:{left.owner.name}"


def test_a_group_that_is_created_again_inherits_nothing(office: tuple[House, Dated]) -> None:
    house, staff = office
    connections: ConnectionService = house.get(ConnectionService)
    house.create("ana", ONE.format(name="daily"))
    [warehouse] = connections.list(house["ana"])
    share = ShareRequest.model_validate({"kind": "group", "name": "finance", "level": "manage"})
    house.pipelines.sharing.share(
        house["ana"], house.pipelines.saved(house["ana"], "daily").id, share
    )
    connections.transfer(house["root"], warehouse.id, _owner("finance", "team"))
    staff.groups_of["fay"] = frozenset({"analyst", "finance"})
    fay = house["fay"]
    house.get(PeopleService).groups_of("fay")
    assert [each.id for each in connections.list(fay)] == [warehouse.id]
    assert len(house.pipelines.list(fay)) == 1

    staff.group_dates = {**staff.group_dates, "finance": SECOND}
    # Whoever is asked for by name, or sends a request, is in the new group.
    assert house.get(PeopleService).groups_of("fay") == {"analyst", "finance"}
    assert connections.list(fay) == house.pipelines.list(fay) == []
    [left] = connections.list(house["root"])
    assert left.owner.kind == "team"
    assert left.owner.name.startswith("finance (deleted by 20")
    # What the new group gets is its own, and a role is nobody's to inherit.
    connections.transfer(house["root"], warehouse.id, _owner("finance", "team"))
    staff.group_dates = {**staff.group_dates, "analyst": THIRD}
    house.get(PeopleService).groups_of("fay")
    assert [each.id for each in connections.list(fay)] == [warehouse.id]


def test_what_the_new_user_gets_is_theirs(office: tuple[House, Dated]) -> None:
    house, staff = office
    connections: ConnectionService = house.get(ConnectionService)
    [warehouse] = connections.list(house["root"])
    staff.replace("ben", SECOND)
    # Sharing looks the user up, and settles what the former one had.
    request = ShareRequest.model_validate({"kind": "user", "name": "ben", "level": "write"})
    connections.sharing.share(house["ana"], warehouse.id, request)
    house.get(PeopleService).users()
    [seen] = connections.list(house["ben"])
    assert seen.level == "write"


def test_former_users_have_names_of_their_own(office: tuple[House, Dated]) -> None:
    house, _ = office
    register: Namesakes = house.get(Namesakes)
    connections: ConnectionService = house.get(ConnectionService)
    register.settle({"ana": SECOND})
    [left] = connections.list(house["root"])
    connections.transfer(house["root"], left.id, _owner("ana"))
    register.settle({"ana": THIRD})
    [again] = connections.list(house["root"])
    assert again.owner.name == f"{left.owner.name} 2"


def test_an_outdated_answer_changes_nothing(database: Database) -> None:
    bus = Bus(frozenset())
    here, there = Namesakes(database, bus), Namesakes(database, bus)
    there.settle({"ana": FIRST})
    there.settle({"ana": SECOND})
    here.settle({"ana": FIRST})
    assert not here.known("ana", FIRST)
    assert here.known("ana", SECOND)
    with database.read() as transaction:
        stored = dict(transaction.execute(sa.select(people.c.name, people.c.since)).all())
    assert stored["ana"] == SECOND
    assert len(stored) == 2


def test_a_new_user_has_no_groups_of_the_former_one(database: Database) -> None:
    staff = Remembering()
    people_service = PeopleService(staff, Namesakes(database, Bus(frozenset())))
    assert people_service.groups_of("root") == {"admin"}
    staff.replace("root", SECOND)
    staff.groups_of["root"] = frozenset({"viewer"})
    assert people_service.groups_of("root") == {"viewer"}
    # Each time the directory was asked once for both.
    assert staff.asked == 2


def test_every_column_with_a_users_name_says_so() -> None:
    tables()
    named = {"user", "owner_name", "author", "run_as", "subject", "approved_for"}
    # Rows of the log stay as they were written; its reader asks for the present user's only.
    exempt = {"audit.actor", "outbox.subject"}
    unsaid = [
        str(column)
        for table in metadata.sorted_tables
        for column in table.columns
        if (column.name in named or column.name.endswith("_by"))
        and str(column) not in exempt
        and not set(names_user()) & set(column.info)
    ]
    assert unsaid == []
    # Where the name may also be a group's, the column says that too.
    [user], [group] = names_user(), names_group()
    unsaid = [
        str(column)
        for table in metadata.sorted_tables
        for column in table.columns
        if (trace := column.info.get(user)) is not None
        and (trace.kind or trace.prefix)
        and group not in column.info
    ]
    assert unsaid == []


def _owner(name: str, kind: str = "user"):  # type: ignore[no-untyped-def]
    from wb_server.governance.owned.models import OwnerRequest

    return OwnerRequest.model_validate({"kind": kind, "name": name})
