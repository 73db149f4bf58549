"""Who may call what: generated from the endpoints and the table of rights, on a running Hub.

Every endpoint is called by nobody, by each role, with a foreign token, with a service's token, with
a token that gives no access, with a narrowed one and with a user server's own. Whether a call is let
through is told by its status: 401 and 403 are refusals, everything else was let in.
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

from wb_server.connections.credentials.models import CredentialPut, CredentialTest
from wb_server.governance.rights import ROLES as RANKS
from wb_server.governance.sharing.models import OwnerRequest, ShareRequest
from wb_server.kit.endpoint import Endpoint
from wb_server.rooms import ACTIONS
from wb_server.routes import ROUTES

CLOSED = [route for route in ROUTES if route.action is not None]
CALLERS = [*ROLES, "anonymous", "foreign", "no-access", "narrow", "server", "hub-service"]


@pytest.fixture(scope="module")
def connection(people: People) -> Iterator[dict[str, Any]]:
    """The sample, which every role may use."""
    api = people.api("a-admin")
    (sample,) = api.ok("GET", "/connections", search="sample")["items"]
    yield sample
    api.close()


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
    """The token of a process of this Hub's, as code in it would read it."""
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
            # Other Hubs on this machine don't know it.
            if answer.status_code == 200:
                return token
    raise AssertionError(f"no process has {variable}={value}")


# The smallest body that fits, of the endpoints for which an empty one does not.
BODIES: dict[type[Any] | None, dict[str, Any]] = {
    ShareRequest: {"kind": "user", "name": "a-viewer", "level": "use"},
    OwnerRequest: {"kind": "user", "name": "a-viewer"},
    CredentialPut: {"login": {}},
    CredentialTest: {"login": {}},
}


def _path(route: Endpoint, connection: dict[str, Any]) -> str:
    # Nothing is changed by a call that is let through: it names what doesn't exist.
    return route.path.replace("{id}", str(uuid.uuid4()))


def _let_in(api: Api, route: Endpoint, connection: dict[str, Any]) -> tuple[bool, str]:
    if route.answer == "text/event-stream":
        url = f"{api.base}/api/v1{route.path}"
        with api.http.stream("GET", url, params={"topics": "me"}) as stream:
            return stream.status_code not in (401, 403), ""
    body: dict[str, Any] | None = {} if route.body is not None else None
    answer = api.call(route.method, _path(route, connection), body)
    assert answer.status_code < 500, answer.text
    code = "" if answer.is_success else answer.json()["error"]["code"]
    return answer.status_code not in (401, 403), code


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
@pytest.mark.parametrize("route", CLOSED, ids=lambda route: f"{route.method} {route.path}")
def test_an_endpoint_lets_in_whom_the_table_says(
    apis: dict[str, Api], connection: dict[str, Any], caller: str, route: Endpoint
) -> None:
    let_in, code = _let_in(apis[caller], route, connection)
    assert let_in is _expected(caller, route), f"{caller}: {code}"


@pytest.mark.parametrize("caller", ["anonymous", "foreign", "viewer"])
@pytest.mark.parametrize("route", [route for route in ROUTES if route.action is None],
                         ids=lambda route: route.path)  # fmt: skip
def test_what_is_open_answers_everyone(apis: dict[str, Api], caller: str, route: Endpoint) -> None:
    assert apis[caller].call(route.method, route.path).status_code == 200


@pytest.mark.parametrize("caller", ["nobody", "viewer", "analyst", "engineer"])
@pytest.mark.parametrize(
    "route",
    [route for route in CLOSED if "/connections/{id}" in route.path],
    ids=lambda route: f"{route.method} {route.path}",
)
def test_somebody_elses_connection_is_as_if_it_were_not_there(
    apis: dict[str, Api], people: People, theirs: dict[str, Any], caller: str, route: Endpoint
) -> None:
    body = BODIES.get(route.body, {}) if route.body is not None else None
    query = {"table": "orders"} if route.path.endswith("/columns") else {}
    answer = apis[caller].call(
        route.method, route.path.replace("{id}", theirs["id"]), body, **query
    )
    expected = (404,) if _expected(caller, route) else (403,)
    assert answer.status_code in expected, answer.text
    assert theirs["name"] not in answer.text


@pytest.fixture(scope="module")
def theirs(people: People, connection: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A connection of another engineer's."""
    people.add("another-engineer", "engineer")
    api = people.api("another-engineer")
    made = api.ok(
        "POST",
        "/connections",
        {"name": "their_own", "connector": "files", "config": connection["config"]},
    )
    yield made
    api.ok("DELETE", f"/connections/{made['id']}")
    api.close()


@pytest.mark.parametrize("caller", ["viewer", "analyst", "engineer"])
def test_somebody_elses_connection_can_not_be_queried_or_cancelled(
    apis: dict[str, Api], theirs: dict[str, Any], caller: str
) -> None:
    for name in (theirs["name"], theirs["id"]):
        error = apis[caller].refused(
            404, "POST", "/query", {"connection": name, "sql": "select * from orders"}
        )
        assert error["code"] == "unknown_connection"
        assert theirs["name"] not in error["details"]["near"]


def test_a_viewer_reads_the_sample_and_an_analyst_too(apis: dict[str, Api]) -> None:
    for caller in ("viewer", "analyst", "engineer", "admin", "server", "narrow"):
        table, _ = apis[caller].query("sample", "select count(*) as n from customers")
        assert table.to_pylist()[0]["n"] > 0


def test_a_promotion_and_a_demotion_act_within_three_seconds(people: People) -> None:
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


def test_an_actor_can_not_be_claimed_by_header_or_body(apis: dict[str, Api]) -> None:
    api = apis["viewer"]
    answer = api.http.get(
        f"{api.base}/api/v1/me",
        headers={"X-Forwarded-User": "admin", "Remote-User": "admin", "X-JupyterHub-User": "admin"},
        params={},
    )
    assert answer.json()["name"] == "a-viewer"


def test_a_token_in_the_address_is_not_taken(apis: dict[str, Api], people: People) -> None:
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
