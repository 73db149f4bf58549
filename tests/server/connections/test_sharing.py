"""Sharing, owners and personal credentials, over HTTP on a running Hub."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.api import Api
from support.people import ROLES, People
from support.postgres import Cluster
from support.wait import wait_for


@dataclass
class Office:
    """Users, and an API client for each."""

    people: People
    by_name: dict[str, Api]

    def __getitem__(self, name: str) -> Api:
        if name not in self.by_name:
            self.by_name[name] = self.people.api(name)
        return self.by_name[name]

    def person(self, *groups: str) -> str:
        """Adds a user to these groups."""
        return self.people.add(f"p-{uuid.uuid4().hex[:8]}", *groups)

    def group(self, *members: str) -> str:
        """Adds a group."""
        name = f"g-{uuid.uuid4().hex[:8]}"
        self.people.hub("POST", f"/groups/{name}", json={"users": list(members)})
        return name


@pytest.fixture(scope="module")
def office(people: People) -> Iterator[Office]:
    made = Office(people, {})
    yield made
    for api in made.by_name.values():
        api.close()


@pytest.fixture(scope="module", autouse=True)
def login(postgres: Cluster) -> None:
    """A second login of the cluster, for a user's own credential."""
    with postgres.connect() as connection:
        connection.execute(
            "do $$ begin create role own_login login password 'own-password'; "
            "exception when duplicate_object then null; end $$"
        )
        connection.execute("create or replace view public.me as select session_user::text as who")
        connection.execute("grant select on public.me to public")


def make(api: Api, postgres: Cluster, **more: Any) -> dict[str, Any]:
    """Creates a connection to the cluster."""
    body = {"name": f"s_{uuid.uuid4().hex[:8]}", "connector": "postgres"}
    made: dict[str, Any] = api.ok(
        "POST", "/connections", {**body, "config": postgres.config(), **more}
    )
    return made


def personal(api: Api, postgres: Cluster) -> dict[str, Any]:
    """Creates a connection for which each user enters their own credentials."""
    config = {n: v for n, v in postgres.config().items() if n not in ("user", "password")}
    return make(api, postgres, config=config, credentials="personal")


def names(api: Api) -> set[str]:
    return {item["name"] for item in api.ok("GET", "/connections")["items"]}


OWN = {"user": "own_login", "password": "own-password"}


# --- sharing ---------------------------------------------------------------------------------


def test_a_connection_is_visible_only_while_it_is_shared(office: Office, postgres: Cluster) -> None:
    made = make(office["a-engineer"], postgres)
    other = office[office.person("analyst")]
    path = f"/connections/{made['id']}"
    assert made["name"] not in names(other)
    other.refused(404, "GET", path)
    other.refused(404, "POST", "/query", {"connection": made["name"], "sql": "select 1 as x"})

    name = other.ok("GET", "/me")["name"]
    share = {"kind": "user", "name": name, "level": "use"}
    access = office["a-engineer"].ok("POST", f"{path}/shares", share)
    assert access["shares"] == [share]
    assert {"name": name, "level": "use", "may_use": True} in [
        {key: item[key] for key in ("name", "level", "may_use")} for item in access["people"]
    ]
    view = other.ok("GET", path)
    assert view["level"] == "use" and view["shares"] == []
    assert view["reasons"] == [{"kind": "user", "name": name, "level": "use"}]
    rows, _ = other.query(made["name"], "select 1 as x")
    assert rows.to_pylist() == [{"x": 1}]
    error = other.refused(
        403, "POST", "/query", {"connection": made["name"], "sql": "create table t (i int)"}
    )
    assert error["code"] == "level_missing"
    other.refused(403, "GET", f"{path}/access")

    office["a-engineer"].ok("DELETE", f"{path}/shares/user/{name}")
    assert made["name"] not in names(other)
    other.refused(404, "POST", "/query", {"connection": made["name"], "sql": "select 1 as x"})
    office["a-engineer"].refused(404, "DELETE", f"{path}/shares/user/{name}")


def test_a_share_with_a_group_reaches_its_members_and_names_the_group(
    office: Office, postgres: Cluster
) -> None:
    made = make(office["a-engineer"], postgres)
    member, stranger = office.person("analyst"), office.person("analyst")
    group = office.group(member)
    path = f"/connections/{made['id']}"
    wait_for(
        lambda: (
            office["a-engineer"].ok("GET", "/people", search=group)["items"]
            == [{"kind": "group", "name": group}]
        ),
        10,
    )
    office["a-engineer"].ok(
        "POST", f"{path}/shares", {"kind": "group", "name": group, "level": "write"}
    )
    view = office[member].ok("GET", path)
    assert view["reasons"] == [{"kind": "group", "name": group, "level": "write"}]
    assert "connection.write" in view["actions"]
    office[stranger].refused(404, "GET", path)
    # A second, lower share doesn't take away what the group gives.
    office["a-engineer"].ok(
        "POST", f"{path}/shares", {"kind": "user", "name": member, "level": "use"}
    )
    assert [r["level"] for r in office[member].ok("GET", path)["reasons"]] == ["write", "use"]
    # Leaving the group takes effect within seconds.
    office.people.demote(member, group)
    wait_for(lambda: office[member].ok("GET", path)["level"] == "use", 5)


def test_a_share_with_a_role_reaches_that_role_and_higher_ones(
    office: Office, postgres: Cluster
) -> None:
    made = make(office["a-engineer"], postgres)
    path = f"/connections/{made['id']}"
    office["a-engineer"].ok(
        "POST", f"{path}/shares", {"kind": "group", "name": "analyst", "level": "use"}
    )
    seen = {role: office[f"a-{role}"].call("GET", path).status_code for role in ROLES}
    assert seen == {"nobody": 403, "viewer": 404, "analyst": 200, "engineer": 200, "admin": 200}


def test_a_user_with_manage_may_share_but_one_with_write_may_not(
    office: Office, postgres: Cluster
) -> None:
    made = make(office["a-engineer"], postgres)
    path = f"/connections/{made['id']}"
    manager, writer = office.person("engineer"), office.person("engineer")
    third = office.person("viewer")
    for name, level in ((manager, "manage"), (writer, "write")):
        office["a-engineer"].ok(
            "POST", f"{path}/shares", {"kind": "user", "name": name, "level": level}
        )
    share = {"kind": "user", "name": third, "level": "use"}
    assert office[writer].refused(403, "POST", f"{path}/shares", share)["code"] == "level_missing"
    office[manager].ok("POST", f"{path}/shares", share)
    office[manager].ok("PATCH", path, {"description": "changed"})


@pytest.mark.parametrize(
    ("share", "status", "code"),
    [
        ({"kind": "user", "name": "nobody-of-this-name", "level": "use"}, 422, "unknown_person"),
        ({"kind": "group", "name": "no-such-group", "level": "use"}, 422, "unknown_person"),
        ({"kind": "user", "name": "a-engineer", "level": "use"}, 422, "share_with_oneself"),
        ({"kind": "user", "name": "a-viewer", "level": "all"}, 400, "invalid_field"),
        ({"kind": "team", "name": "a-viewer", "level": "use"}, 400, "invalid_field"),
        ({"kind": "user", "name": "", "level": "use"}, 400, "invalid_field"),
        ({"kind": "user", "level": "use"}, 400, "invalid_field"),
    ],
)
def test_an_invalid_share_is_refused_and_not_saved(
    office: Office, postgres: Cluster, share: dict[str, Any], status: int, code: str
) -> None:
    made = make(office["a-engineer"], postgres)
    path = f"/connections/{made['id']}"
    error = office["a-engineer"].refused(status, "POST", f"{path}/shares", share)
    assert error["code"] == code
    assert office["a-engineer"].ok("GET", f"{path}/access")["shares"] == []


def test_an_administrator_can_change_a_connections_owner(office: Office, postgres: Cluster) -> None:
    made = make(office["a-engineer"], postgres)
    path = f"/connections/{made['id']}"
    heir = office.person("engineer")
    owner = {"kind": "user", "name": heir}
    assert (
        office["a-engineer"].refused(403, "POST", f"{path}/owner", owner)["code"] == "role_missing"
    )
    assert office["a-admin"].ok("POST", f"{path}/owner", owner)["owner"] == owner
    office["a-engineer"].refused(404, "GET", path)
    view = office[heir].ok("GET", path)
    assert view["reasons"][0] == {"kind": "owner", "name": heir, "level": "manage"}
    error = office["a-admin"].refused(
        422, "POST", f"{path}/owner", {"kind": "team", "name": "no-such-team"}
    )
    assert error["code"] == "unknown_person"
    office["a-admin"].ok("POST", f"{path}/owner", {"kind": "team", "name": "engineer"})
    assert office["a-engineer"].ok("GET", path)["reasons"][0]["kind"] == "team"


def test_shares_are_in_the_audit_log(office: Office, postgres: Cluster) -> None:
    made = make(office["a-engineer"], postgres)
    path = f"/connections/{made['id']}"
    office["a-engineer"].ok(
        "POST", f"{path}/shares", {"kind": "user", "name": "a-viewer", "level": "use"}
    )
    rows = office["a-engineer"].ok("GET", "/audit/mine", action="connection.share")["items"]
    assert any(made["id"] in row["target"] and "a-viewer" in row["target"] for row in rows)


# --- personal credentials ----------------------------------------------------------------------


def test_each_user_reads_with_their_own_credential(office: Office, postgres: Cluster) -> None:
    made = personal(office["a-engineer"], postgres)
    path = f"/connections/{made['id']}"
    assert "user" not in made["config"] and made["secrets_set"] == []
    assert made["credential"]["status"] == "missing"
    query = {"connection": made["name"], "sql": "select who from public.me"}
    error = office["a-engineer"].refused(422, "POST", "/query", query)
    assert error["code"] == "credential_missing"
    assert "My Credentials" in error["message"]

    bad = office["a-engineer"].ok(
        "POST", f"{path}/credential/test", {"login": {**OWN, "password": "wrong"}}
    )
    assert bad["ok"] is False and bad["code"] == "sign_in_failed"
    assert office["a-engineer"].ok("POST", f"{path}/credential/test", {"login": OWN})["ok"]
    view = office["a-engineer"].ok("POST", f"{path}/credential", {"login": OWN})
    assert view["credential"]["status"] == "ok"
    assert "own-password" not in str(view) and "own_login" not in str(view)
    rows, _ = office["a-engineer"].query(made["name"], query["sql"])
    assert rows.to_pylist() == [{"who": "own_login"}]

    # Another user of the connection has no credential, and never gets someone else's session.
    office["a-engineer"].ok(
        "POST", f"{path}/shares", {"kind": "user", "name": "a-analyst", "level": "use"}
    )
    assert office["a-analyst"].refused(422, "POST", "/query", query)["code"] == "credential_missing"
    theirs = {name: postgres.config()[name] for name in ("user", "password")}
    office["a-analyst"].ok("POST", f"{path}/credential", {"login": theirs})
    for api, who in (("a-analyst", theirs["user"]), ("a-engineer", "own_login")) * 3:
        rows, _ = office[api].query(made["name"], query["sql"])
        assert rows.to_pylist() == [{"who": who}]

    assert office["a-engineer"].ok("DELETE", f"{path}/credential")["credential"]["status"] == (
        "missing"
    )
    assert (
        office["a-engineer"].refused(422, "POST", "/query", query)["code"] == "credential_missing"
    )
    office["a-engineer"].refused(404, "DELETE", f"{path}/credential")
    office["a-analyst"].query(made["name"], query["sql"])


def test_one_users_wrong_password_does_not_mark_the_connection_failed(
    office: Office, postgres: Cluster
) -> None:
    made = personal(office["a-engineer"], postgres)
    path = f"/connections/{made['id']}"
    office["a-engineer"].ok("POST", f"{path}/credential", {"login": {**OWN, "password": "wrong"}})
    assert office["a-engineer"].ok("POST", f"{path}/test", {})["code"] == "sign_in_failed"
    assert office["a-engineer"].ok("GET", path)["state"]["status"] == "untested"


def test_a_personal_credential_is_dropped_when_the_address_changes(
    office: Office, postgres: Cluster
) -> None:
    made = personal(office["a-engineer"], postgres)
    path = f"/connections/{made['id']}"
    office["a-engineer"].ok("POST", f"{path}/credential", {"login": OWN})
    same = office["a-engineer"].ok("PATCH", path, {"config": {**made["config"], "database": "x"}})
    assert same["credential"]["status"] == "ok"
    moved = office["a-engineer"].ok("PATCH", path, {"config": {**made["config"], "port": 1}})
    assert moved["credential"]["status"] == "missing"


def test_a_connection_switches_between_shared_and_personal_credentials(
    office: Office, postgres: Cluster
) -> None:
    made = make(office["a-engineer"], postgres)
    path = f"/connections/{made['id']}"
    error = office["a-engineer"].refused(422, "POST", f"{path}/credential", {"login": OWN})
    assert error["code"] == "shared_credentials"
    now = office["a-engineer"].ok("PATCH", path, {"credentials": "personal"})
    assert now["secrets_set"] == [] and "user" not in now["config"]
    office["a-engineer"].ok("POST", f"{path}/credential", {"login": OWN})
    office["a-engineer"].refused(400, "PATCH", path, {"credentials": "shared"})
    back = office["a-engineer"].ok(
        "PATCH", path, {"credentials": "shared", "config": postgres.config()}
    )
    assert back["secrets_set"] == ["password"] and back["credential"]["status"] == "ok"
    office["a-engineer"].query(made["name"], "select 1 as x")


@pytest.mark.parametrize(
    ("login", "code"),
    [
        ({"user": "x", "host": "elsewhere.example.org"}, "unknown_field"),
        ({"password": "x"}, "invalid_field"),
        ({"user": 7}, "invalid_field"),
        ({}, "invalid_field"),
    ],
)
def test_an_invalid_login_is_refused(
    office: Office, postgres: Cluster, login: dict[str, Any], code: str
) -> None:
    made = personal(office["a-engineer"], postgres)
    path = f"/connections/{made['id']}/credential"
    assert office["a-engineer"].refused(400, "POST", path, {"login": login})["code"] == code


def test_personal_connections_refuse_shared_logins_and_expiry_dates(
    office: Office, postgres: Cluster
) -> None:
    api = office["a-engineer"]
    body = {"name": f"s_{uuid.uuid4().hex[:8]}", "connector": "postgres", "credentials": "personal"}
    error = api.refused(400, "POST", "/connections", {**body, "config": postgres.config()})
    assert error["code"] == "personal_field" and error["details"]["field"] == "config.user"
    config = {n: v for n, v in postgres.config().items() if n not in ("user", "password")}
    soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    error = api.refused(400, "POST", "/connections", {**body, "config": config, "expires_at": soon})
    assert error["code"] == "personal_field"
    error = api.refused(
        422,
        "POST",
        "/connections",
        {**body, "connector": "files", "config": {"folder": "somewhere"}},
    )
    assert error["code"] == "no_sign_in"


# --- dates -------------------------------------------------------------------------------------


def test_an_expiring_credential_is_flagged_and_then_refused(
    office: Office, postgres: Cluster
) -> None:
    api = office["a-engineer"]
    soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    far = (datetime.now(UTC) + timedelta(days=90)).isoformat()
    made = make(api, postgres, expires_at=far)
    path = f"/connections/{made['id']}"
    assert made["credential"]["status"] == "ok"
    assert api.ok("PATCH", path, {"expires_at": soon})["credential"]["status"] == "expiring"
    # Other changes keep the date; `null` removes it.
    assert api.ok("PATCH", path, {"description": "x"})["credential"]["status"] == "expiring"
    assert api.ok("PATCH", path, {"expires_at": None})["credential"]["expires_at"] is None
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert api.refused(400, "PATCH", path, {"expires_at": past})["code"] == "past_date"
    moment = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    api.ok("PATCH", path, {"expires_at": moment})
    query = {"connection": made["name"], "sql": "select 1 as x"}
    wait_for(lambda: api.call("POST", "/query", query).status_code == 422, 10)
    assert api.refused(422, "POST", "/query", query)["code"] == "credential_expired"
    assert api.ok("GET", path)["credential"]["status"] == "expired"
