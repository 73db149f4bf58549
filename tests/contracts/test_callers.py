"""What each kind of caller, known to the Hub or not, may call over HTTP with its token.

One endpoint stands for each role and scope in the table of rights; ``test_permissions.py`` covers
every endpoint, for every role and level.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest
from support.api import Api
from support.people import ROLES, People
from support.wait import wait_for

from wb_server.governance.rights import ROLES as RANKS
from wb_server.kit.endpoint import Endpoint
from wb_server.rooms import ACTIONS
from wb_server.routes import ROUTES

CALLERS = [*ROLES, "anonymous", "foreign", "no-access", "narrow", "server", "hub-service"]


def _kinds() -> list[Endpoint]:
    """The first endpoint of each role and scope."""
    found: dict[tuple[str | None, str], Endpoint] = {}
    for route in ROUTES:
        if route.action is not None and route.answer != "text/event-stream":
            row = ACTIONS[route.action]
            found.setdefault((row.role, row.scope), route)
    return list(found.values())


@pytest.fixture(scope="module")
def apis(people: People) -> Iterator[dict[str, Api]]:
    """The API as each caller."""
    base = f"{people.url}/services/workbench"
    people.start_server("a-viewer")
    server = _token_in_environment(people, "JUPYTERHUB_USER", "a-viewer")
    made = {role: people.api(f"a-{role}") for role in ROLES}
    made |= {
        "anonymous": Api(base, None),
        "foreign": Api(base, uuid.uuid4().hex),
        "no-access": people.api("a-admin", ["read:users:name!user"]),
        "narrow": people.api(
            "a-admin", ["access:services!service=workbench", "custom:workbench:read"]
        ),
        "server": Api(base, server),
        "hub-service": Api(
            base, _token_in_environment(people, "JUPYTERHUB_SERVICE_NAME", "workbench")
        ),
    }
    yield made
    for api in made.values():
        api.close()


def _token_in_environment(people: People, variable: str, value: str) -> str:
    """The API token in the environment of one of this Hub's processes."""
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        token = environment.get("JUPYTERHUB_API_TOKEN")
        if environment.get(variable) == value and token:
            answer = httpx.get(
                f"{people.url}/hub/api/user",
                headers={"Authorization": f"token {token}"},
                trust_env=False,
                verify=False,
            )
            # Skips processes of other Hubs on this machine.
            if answer.status_code == 200:
                return token
    raise AssertionError(f"no process has {variable}={value}")


def _expected(caller: str, route: Endpoint) -> bool:
    assert route.action is not None
    row = ACTIONS[route.action]
    if caller in ("anonymous", "foreign", "no-access", "hub-service"):
        return False
    if caller == "narrow":
        return row.scope == "read"
    role = "viewer" if caller == "server" else caller
    if row.role is None:
        return True
    return role in RANKS and RANKS.index(role) >= RANKS.index(row.role)


@pytest.mark.parametrize("caller", CALLERS)
def test_a_caller_may_call_what_the_table_says(apis: dict[str, Api], caller: str) -> None:
    api = apis[caller]
    for route in _kinds():
        # Allowed requests name nothing that exists, so they change nothing.
        body: dict[str, Any] | None = {} if route.body is not None else None
        answer = api.call(route.method, route.path.replace("{id}", str(uuid.uuid4())), body)
        assert answer.status_code < 500, answer.text
        allowed = answer.status_code not in (401, 403)
        assert allowed is _expected(caller, route), f"{route.method} {route.path}: {answer.text}"
        if caller in ("anonymous", "foreign"):
            assert answer.status_code == 401


def test_the_endpoints_cover_each_role_and_scope() -> None:
    kinds = {(ACTIONS[it.action or ""].role, ACTIONS[it.action or ""].scope) for it in _kinds()}
    assert {role for role, _ in kinds} == {None, *RANKS}
    assert {scope for _, scope in kinds} == {"read", "use"}


@pytest.mark.parametrize("caller", ["anonymous", "foreign", "viewer"])
@pytest.mark.parametrize("route", [route for route in ROUTES if route.action is None],
                         ids=lambda route: route.path)  # fmt: skip
def test_an_open_endpoint_answers_everyone(
    apis: dict[str, Api], caller: str, route: Endpoint
) -> None:
    assert apis[caller].call(route.method, route.path).status_code == 200


def test_every_role_reads_the_sample(apis: dict[str, Api]) -> None:
    for caller in ("viewer", "analyst", "engineer", "admin", "server", "narrow"):
        table, _ = apis[caller].query("sample", "select count(*) as n from customers")
        assert table.to_pylist()[0]["n"] > 0


def test_a_promotion_and_a_demotion_take_effect_within_three_seconds(people: People) -> None:
    name = people.add("a-newcomer")
    api = people.api(name)
    assert api.ok("GET", "/me")["roles"] == []
    people.promote(name, "engineer")
    wait_for(lambda: "engineer" in api.ok("GET", "/me")["roles"], 3)
    people.demote(name, "engineer")
    wait_for(lambda: api.ok("GET", "/me")["roles"] == [], 3)
    api.close()


def test_a_promotion_reaches_an_open_event_stream(people: People) -> None:
    name = people.add("a-listener", "viewer")
    api = people.api(name)
    url = f"{api.base}/api/v1/events"
    with api.http.stream("GET", url, params={"topics": "me"}) as stream:
        lines = stream.iter_lines()
        next(lines)
        people.promote(name, "analyst")
        assert any(line == "event: me" for line in lines)
    api.close()


def test_a_revoked_token_is_refused_within_three_seconds(people: People) -> None:
    name = people.add("a-leaver", "viewer")
    made = people.hub("POST", f"/users/{name}/tokens", json={"scopes": [
        "access:services!service=workbench", "custom:workbench:use"]})  # fmt: skip
    api = Api(f"{people.url}/services/workbench", made["token"])
    api.ok("GET", "/me")
    people.hub("DELETE", f"/users/{name}/tokens/{made['id']}")
    wait_for(lambda: api.call("GET", "/me").status_code == 401, 3)
    api.close()


def test_headers_do_not_change_the_actor(apis: dict[str, Api]) -> None:
    api = apis["viewer"]
    answer = api.http.get(
        f"{api.base}/api/v1/me",
        headers={"X-Forwarded-User": "admin", "Remote-User": "admin", "X-JupyterHub-User": "admin"},
        params={},
    )
    assert answer.json()["name"] == "a-viewer"


def test_a_token_in_the_url_is_refused(apis: dict[str, Api], people: People) -> None:
    token = people.token("a-admin")
    api = apis["anonymous"]
    assert api.call("GET", "/me", token=token).status_code == 401


def test_refusals_are_in_the_audit_log(apis: dict[str, Api]) -> None:
    apis["viewer"].refused(403, "POST", "/connections", {})
    apis["anonymous"].refused(401, "POST", "/connections", {})
    rows = apis["admin"].ok("GET", "/audit", event="refused", action="connection.create")["items"]
    assert {(row["actor"], row["code"]) for row in rows} >= {
        ("a-viewer", "role_missing"),
        (None, "not_signed_in"),
    }
