"""The table of rights, and that nothing outside of it is allowed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from wb_server.governance.rights import ROLES, Rights, roles_of
from wb_server.kit.actor import Actor
from wb_server.kit.errors import Forbidden
from wb_server.rooms import ACTIONS, LEVELS
from wb_server.routes import ROUTES

rights = Rights(ACTIONS, LEVELS)


@dataclass(frozen=True)
class Owner:
    kind: str
    name: str


@dataclass(frozen=True)
class Share:
    kind: str
    name: str
    level: str


@dataclass(frozen=True)
class Thing:
    owner: Owner
    shares: tuple[Share, ...] = ()
    thing: str = "connection"


MINE = Thing(Owner("user", "me"))


def of(action: str, owner: str = "me") -> Thing:
    """A thing of the kind that an action is about, with this owner."""
    return Thing(Owner("user", owner), thing=ACTIONS[action].thing)


def actor(*groups: str, scopes: frozenset[str] = frozenset({"use"})) -> Actor:
    return Actor("me", frozenset(groups), scopes)


def test_a_role_includes_the_lower_ones() -> None:
    assert roles_of(actor("engineer")) == ["viewer", "analyst", "engineer"]
    assert roles_of(actor()) == []
    assert roles_of(actor("other", "viewer")) == ["viewer"]


@pytest.mark.parametrize("action", [name for name, row in ACTIONS.items() if row.role])
def test_an_action_that_needs_a_role_is_refused_without_one(action: str) -> None:
    assert not rights.may(actor(), action, of(action))


@pytest.mark.parametrize("action", list(ACTIONS))
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_the_table_says(action: str, role: str) -> None:
    row = ACTIONS[action]
    expected = row.role is None or ROLES.index(role) >= ROLES.index(row.role)
    assert rights.may(actor(role), action, of(action)) is expected


@pytest.mark.parametrize("action", [name for name, row in ACTIONS.items() if row.level])
def test_only_administrators_may_act_on_somebody_elses_things(action: str) -> None:
    theirs = of(action, "another")
    assert not rights.may(actor("engineer"), action, theirs)
    assert not rights.may(actor("engineer"), action, None)
    assert rights.may(actor("admin"), action, theirs) is not ACTIONS[action].owner


def test_no_share_gives_a_right_of_the_owner_alone() -> None:
    for action in [name for name, row in ACTIONS.items() if row.owner]:
        kind = ACTIONS[action].thing
        shares = (Share("user", "me", "manage"), Share("group", "engineer", "manage"))
        for role in ("engineer", "admin"):
            assert not rights.may(actor(role), action, Thing(Owner("user", "them"), shares, kind))
            with pytest.raises(Forbidden) as refusal:
                rights.require(actor(role), action, Thing(Owner("user", "them"), shares, kind))
            assert refusal.value.code == "owner_only"
        teams = Thing(Owner("team", "finance"), shares, kind)
        assert rights.may(actor("engineer", "finance"), action, teams)
        assert not rights.may(actor("admin"), action, teams)


@pytest.mark.parametrize("action", [name for name, row in ACTIONS.items() if row.role])
def test_a_locked_out_user_may_do_nothing(action: str) -> None:
    assert not rights.may(actor("admin", "locked-out"), action, of(action))


def test_a_level_of_one_kind_of_thing_gives_nothing_on_another() -> None:
    pipeline = Thing(Owner("user", "me"), thing="pipeline")
    assert rights.may(actor("admin"), "pipeline.update", pipeline)
    assert not rights.may(actor("admin"), "connection.update", pipeline)
    assert not rights.may(actor("admin"), "pipeline.update", MINE)
    shared = Thing(Owner("user", "another"), (Share("user", "me", "run"),), "pipeline")
    assert rights.may(actor("analyst"), "pipeline.see", shared)
    assert rights.may(actor("analyst"), "pipeline.run", shared)
    assert not rights.may(actor("analyst"), "pipeline.update", shared)


def test_members_manage_the_things_of_their_team() -> None:
    thing = Thing(Owner("team", "finance"))
    assert rights.may(actor("engineer", "finance"), "connection.update", thing)
    assert not rights.may(actor("engineer"), "connection.update", thing)


def test_a_role_is_a_team_of_all_who_hold_it() -> None:
    thing = Thing(Owner("team", "viewer"))
    assert rights.may(actor("engineer"), "connection.read", thing)
    assert not rights.may(actor("other"), "connection.read", thing)


def test_a_share_gives_its_level_and_no_more() -> None:
    shared = Thing(Owner("user", "another"), (Share("user", "me", "write"),))
    assert rights.level(actor("engineer"), shared) == "write"
    assert rights.may(actor("engineer"), "connection.write", shared)
    assert not rights.may(actor("engineer"), "connection.share", shared)
    # A level gives nothing without the role that the action needs.
    assert not rights.may(actor("viewer"), "connection.write", shared)
    by_group = Thing(
        Owner("user", "another"),
        (Share("group", "finance", "use"), Share("group", "engineer", "manage")),
    )
    assert rights.level(actor("viewer", "finance"), by_group) == "use"
    assert rights.level(actor("viewer"), by_group) is None
    assert [reason.name for reason in rights.reasons(actor("engineer", "finance"), by_group)] == [
        "engineer",
        "finance",
    ]
    # A user and a group of the same name are distinct.
    confused = Thing(Owner("user", "another"), (Share("group", "me", "manage"),))
    assert rights.level(actor("viewer"), confused) is None


def test_a_narrowed_token_only_reads() -> None:
    narrow = actor("admin", scopes=frozenset({"read"}))
    assert rights.may(narrow, "connection.read", MINE)
    assert not rights.may(narrow, "connection.write", MINE)
    with pytest.raises(Forbidden) as refusal:
        rights.require(narrow, "connection.write", MINE)
    assert refusal.value.code == "token_narrowed"


def test_a_token_without_a_scope_may_do_nothing() -> None:
    none = actor("admin", scopes=frozenset())
    assert [name for name in ACTIONS if rights.may(none, name, of(name))] == []


def test_an_unknown_action_is_never_allowed() -> None:
    assert not rights.may(actor("admin"), "connection.explode", MINE)


def test_every_endpoint_names_a_row_of_the_table() -> None:
    assert {route.action for route in ROUTES if route.action} <= set(ACTIONS)
    open_ones = sorted(route.path for route in ROUTES if route.action is None)
    assert open_ones == ["/health", "/openapi.json"]
