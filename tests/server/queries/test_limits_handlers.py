"""Limits, the queue and the list of queries, over HTTP on a running Hub."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
from support.api import Api
from support.people import People
from support.postgres import Cluster
from support.wait import wait_for

LONG = "select count(*) as {} from generate_series(1, 1000000) a, generate_series(1, 1000000) b"
LIMITS = ("concurrent", "rows", "bytes", "seconds", "temp_bytes")


@pytest.fixture(scope="module")
def admin(people: People) -> Iterator[Api]:
    """The API as an administrator; all limits are removed afterwards."""
    api = people.api("a-admin")
    yield api
    for row in api.ok("GET", "/limits")["items"]:
        api.ok("DELETE", path_of(row["kind"], row["subject"]))
    api.close()


@pytest.fixture(scope="module")
def shop(people: People, postgres: Cluster) -> Iterator[dict[str, Any]]:
    """A connection to the cluster that every analyst may use."""
    api = people.api("a-engineer")
    body = {
        "name": f"q_{uuid.uuid4().hex[:8]}",
        "connector": "postgres",
        "config": postgres.config(),
    }
    made = api.ok("POST", "/connections", body)
    share = {"kind": "group", "name": "analyst", "level": "use"}
    api.ok("POST", f"/connections/{made['id']}/shares", share)
    yield made
    api.ok("DELETE", f"/connections/{made['id']}")
    api.close()


@pytest.fixture
def person(people: People) -> Iterator[Callable[[], tuple[str, Api]]]:
    """Adds analysts; returns their names and API clients."""
    made: list[Api] = []

    def make() -> tuple[str, Api]:
        name = people.add(f"l-{uuid.uuid4().hex[:8]}", "analyst")
        made.append(people.api(name))
        return name, made[-1]

    yield make
    for api in made:
        api.close()


def path_of(kind: str, subject: str) -> str:
    return "/limits/everyone" if kind == "everyone" else f"/limits/{kind}/{subject}"


@contextmanager
def running_query(api: Api, connection: str, sql: str) -> Iterator[str]:
    """Runs a query until the client disconnects at the end of the block; gives its id."""
    query_id = str(uuid.uuid4())
    body = {"connection": connection, "sql": sql, "query_id": query_id}
    client = httpx.Client(headers=dict(api.http.headers), timeout=60, trust_env=False, verify=False)

    def ask() -> None:
        try:
            with client.stream("POST", f"{api.base}/api/v1/query", json=body) as answer:
                for _ in answer.iter_raw():
                    pass
        except (httpx.HTTPError, OSError, RuntimeError):
            pass  # disconnected

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield query_id
    finally:
        disconnect(client)
        thread.join(30)
        client.close()
        assert not thread.is_alive()


def disconnect(client: httpx.Client) -> None:
    """Shuts down a client's sockets, whatever its thread is doing: as when a process is killed."""
    import socket

    for connection in client._transport._pool.connections:  # type: ignore[attr-defined]
        inner = connection._connection
        if inner is not None:
            raw = inner._network_stream.get_extra_info("socket")
            raw.shutdown(socket.SHUT_RDWR)


def states(api: Api, **query: Any) -> dict[str, str]:
    return {row["id"]: row["state"] for row in api.ok("GET", "/queries", **query)["items"]}


def test_limits_are_set_shown_and_removed(
    admin: Api, shop: dict[str, Any], person: Callable[[], tuple[str, Api]]
) -> None:
    name, api = person()
    before = api.ok("GET", "/limits/mine")
    assert before["concurrent"] == {"value": 8, "source": {"kind": "settings", "name": ""}}
    assert (before["running"], before["waiting"], before["connections"]) == (0, 0, [])

    admin.ok("POST", "/limits", {"kind": "group", "subject": "analyst", "concurrent": 3})
    found = admin.ok("POST", "/limits", {"kind": "user", "subject": name, "rows": 5})
    (row,) = [row for row in found["items"] if row["subject"] == name]
    assert {field: row[field] for field in LIMITS} == {
        "concurrent": None, "rows": 5, "bytes": None, "seconds": None, "temp_bytes": None,
    }  # fmt: skip
    assert row["updated_by"] == "a-admin" and row["name"] == name
    assert found["settings"]["concurrent"] == 8 and found["total"] == 32

    admin.ok("POST", "/limits", {"kind": "connection", "subject": shop["name"], "seconds": 7})
    own = api.ok("GET", "/limits/mine")
    assert own["concurrent"] == {"value": 3, "source": {"kind": "group", "name": "analyst"}}
    assert own["rows"] == {"value": 5, "source": {"kind": "user", "name": name}}
    (capped,) = own["connections"]
    assert (capped["connection"], capped["seconds"]) == (shop["name"], 7)
    _, end = api.query(shop["name"], "select g from generate_series(1, 6) g")
    assert end["error"]["code"] == "over_limit"

    for kind, subject in (("user", name), ("group", "analyst"), ("connection", shop["id"])):
        left = admin.ok("DELETE", path_of(kind, subject))["items"]
        assert (kind, subject) not in {(row["kind"], row["subject"]) for row in left}
        error = admin.refused(404, "DELETE", path_of(kind, subject))
        assert error["code"] == "unknown_limit"
    assert api.ok("GET", "/limits/mine") == before
    # Every change is in the audit log, with the subject and the new values.
    rows = admin.ok("GET", "/audit", action="limits.change", event="finished")["items"]
    assert f"user/{name}: rows 5" in {row["target"] for row in rows}


def test_everyones_limits_have_their_own_path(
    admin: Api, person: Callable[[], tuple[str, Api]]
) -> None:
    _, api = person()
    admin.ok("POST", "/limits", {"kind": "everyone", "bytes": 2**20, "temp_bytes": 0})
    own = api.ok("GET", "/limits/mine")
    assert own["bytes"] == {"value": 2**20, "source": {"kind": "everyone", "name": ""}}
    assert own["temp_bytes"]["value"] == 0
    admin.ok("DELETE", "/limits/everyone")
    assert api.ok("GET", "/limits/mine")["bytes"]["source"]["kind"] == "settings"
    assert admin.refused(404, "DELETE", "/limits/everyone")["code"] == "unknown_limit"
    assert admin.refused(404, "DELETE", "/limits/team/x")["code"] == "unknown_limit"


@pytest.mark.parametrize(
    ("status", "code", "field", "body"),
    [
        (400, "invalid_field", "kind", {}),
        (400, "invalid_field", "kind", {"kind": "team", "subject": "x", "rows": 1}),
        (400, "invalid_field", "subject", {"kind": "user", "rows": 1}),
        (400, "invalid_field", "subject", {"kind": "everyone", "subject": "x", "rows": 1}),
        (400, "no_limit", "concurrent", {"kind": "everyone"}),
        (400, "no_limit", "concurrent", {"kind": "everyone", "rows": None}),
        (400, "unknown_field", "row", {"kind": "everyone", "row": 1}),
        (400, "invalid_field", "concurrent", {"kind": "everyone", "concurrent": 0}),
        (400, "invalid_field", "concurrent", {"kind": "everyone", "concurrent": -1}),
        (400, "invalid_field", "concurrent", {"kind": "everyone", "concurrent": 100_000}),
        (400, "invalid_field", "concurrent", {"kind": "everyone", "concurrent": "4"}),
        (400, "invalid_field", "concurrent", {"kind": "everyone", "concurrent": True}),
        (400, "invalid_field", "concurrent", {"kind": "everyone", "concurrent": 1.5}),
        (400, "invalid_field", "rows", {"kind": "everyone", "rows": 10**30}),
        (400, "invalid_field", "bytes", {"kind": "everyone", "bytes": 1}),
        (400, "invalid_field", "seconds", {"kind": "everyone", "seconds": 0}),
        (400, "invalid_field", "seconds", {"kind": "everyone", "seconds": 10**9}),
        (400, "invalid_field", "temp_bytes", {"kind": "everyone", "temp_bytes": -1}),
        (422, "unknown_subject", "subject", {"kind": "user", "subject": "nobody-x", "rows": 1}),
        (422, "unknown_subject", "subject", {"kind": "group", "subject": "no-group", "rows": 1}),
        (422, "unknown_subject", "subject", {"kind": "connection", "subject": "nope", "rows": 1}),
    ],
)  # fmt: skip
def test_bad_limits_are_refused(
    admin: Api, status: int, code: str, field: str, body: dict[str, Any]
) -> None:
    before = admin.ok("GET", "/limits")["items"]
    error = admin.refused(status, "POST", "/limits", body)
    assert (error["code"], error["details"]["field"]) == (code, field)
    assert admin.ok("GET", "/limits")["items"] == before


def test_nan_is_refused(admin: Api) -> None:
    answer = admin.http.post(
        f"{admin.base}/api/v1/limits", content='{"kind": "everyone", "seconds": NaN}'
    )
    assert answer.status_code == 400 and answer.json()["error"]["details"]["field"] == "seconds"


def test_only_an_administrator_sees_and_ends_others_queries(
    admin: Api, shop: dict[str, Any], person: Callable[[], tuple[str, Api]], postgres: Cluster
) -> None:
    name, api = person()
    _, stranger = person()
    with running_query(api, shop["name"], LONG.format("seen")) as query_id:
        wait_for(lambda: postgres.active("seen") == 1)
        (row,) = [row for row in admin.ok("GET", "/queries", all=True)["items"]
                  if row["id"] == query_id]  # fmt: skip
        assert (row["actor"], row["connection"], row["state"]) == (name, shop["name"], "running")
        assert "as seen" in row["statement"] and row["started_at"] >= row["since"]
        assert states(api) == {query_id: "running"} and states(stranger) == {}
        assert query_id not in states(admin)
        assert api.ok("GET", "/limits/mine")["running"] == 1
        for ask in ("GET", "/queries"), ("GET", "/limits"):
            error = stranger.refused(403, *ask, **({"all": True} if ask[1] == "/queries" else {}))
            assert error["code"] == "role_missing"
        assert stranger.refused(404, "DELETE", f"/query/{query_id}")["code"] == "unknown_id"
        assert postgres.active("seen") == 1
        admin.ok("DELETE", f"/query/{query_id}")
        wait_for(lambda: postgres.active("seen") == 0)
        wait_for(lambda: states(api) == {})


def test_a_client_that_disconnects_while_it_waits_leaves_the_queue(
    admin: Api, shop: dict[str, Any], person: Callable[[], tuple[str, Api]], postgres: Cluster
) -> None:
    name, api = person()
    admin.ok("POST", "/limits", {"kind": "user", "subject": name, "concurrent": 1})
    with running_query(api, shop["name"], LONG.format("holds")) as first:
        wait_for(lambda: postgres.active("holds") == 1)
        with running_query(api, shop["name"], LONG.format("gone")) as second:
            wait_for(lambda: states(api) == {first: "running", second: "waiting"})
            assert api.ok("GET", "/limits/mine")["waiting"] == 1
        wait_for(lambda: states(api) == {first: "running"}, 5)
    wait_for(lambda: states(api) == {})
    rows = [row for row in admin.ok("GET", "/audit", user=name, event="finished")["items"]
            if row["record"] == second]  # fmt: skip
    assert [row["outcome"] for row in rows] == ["hung_up"]


def test_an_answer_ends_with_the_users_token(
    people: People, shop: dict[str, Any], person: Callable[[], tuple[str, Api]], postgres: Cluster
) -> None:
    """A reader who takes their time doesn't read on once they are gone."""
    name, api = person()
    rows = "select n as outlived from generate_series(1, 100000000) n"
    body = {"connection": shop["name"], "sql": rows}
    with api.http.stream("POST", f"{api.base}/api/v1/query", json=body) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        assert next(pieces)
        assert postgres.active("outlived") == 1
        people.hub("DELETE", f"/users/{name}")
        wait_for(lambda: postgres.active("outlived") == 0, 30)
        with pytest.raises(httpx.HTTPError):
            for _ in pieces:
                pass


def test_a_hundred_waiting_queries_block_nobody_else(
    admin: Api, shop: dict[str, Any], person: Callable[[], tuple[str, Api]], postgres: Cluster
) -> None:
    crowd = [person() for _ in range(2)]
    _, other = person()
    for name, _ in crowd:
        admin.ok("POST", "/limits", {"kind": "user", "subject": name, "concurrent": 1})
    before = admin.ok("GET", "/limits")["waiting"]
    with ExitStack() as stack:
        for _, api in crowd:
            for _ in range(51):
                stack.enter_context(running_query(api, shop["name"], LONG.format("crowd")))
        wait_for(lambda: admin.ok("GET", "/limits")["waiting"] == before + 100, 8)
        # Everything else is answered while they wait: the health page, lists, others' queries.
        assert other.call("GET", "/health").status_code == 200
        assert other.ok("GET", "/connections")["items"]
        assert other.query(shop["name"], "select 1 as one")[1]["rows"] == 1
        found = states(admin, all=True)
        mine = {query for query, state in states(crowd[0][1]).items() if state == "waiting"}
        assert len(mine) == 50 and mine <= set(found)
        # One more of theirs is refused at once, with a time to retry.
        body = {"connection": shop["name"], "sql": "select 1 as one"}
        refused = crowd[0][1].call("POST", "/query", body)
        assert refused.status_code == 429, refused.text
        assert refused.json()["error"]["code"] == "too_many_waiting"
        assert int(refused.headers["Retry-After"]) >= 1
        # And one that waits can be ended.
        crowd[0][1].ok("DELETE", f"/query/{mine.pop()}")
        wait_for(lambda: admin.ok("GET", "/limits")["waiting"] < before + 100, 8)
        assert postgres.active("crowd") == 2
    wait_for(lambda: admin.ok("GET", "/limits")["waiting"] == before)
    wait_for(lambda: postgres.active("crowd") == 0)


def test_an_event_reports_that_queries_start_and_end(
    shop: dict[str, Any], person: Callable[[], tuple[str, Api]]
) -> None:
    _, api = person()
    url = f"{api.base}/api/v1/events"
    with api.http.stream("GET", url, params={"topics": "queries"}) as stream:
        lines = stream.iter_lines()
        next(lines)
        other = httpx.Client(
            headers=dict(api.http.headers), trust_env=False, verify=False, timeout=60
        )
        body = {"connection": shop["name"], "sql": "select 1 as one"}
        assert other.post(f"{api.base}/api/v1/query", json=body).status_code == 200
        assert any(line == "event: queries" for line in lines)
        other.close()
