"""Tokens that users create for scripts: what each may do, when it expires, and a script using one."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.api import Api
from support.people import People
from support.postgres import Cluster
from support.wait import wait_for

from wb_server.client import Client, QueryError

ACCESS = "access:services!service=workbench"
USE = "custom:workbench:use"
READ = "custom:workbench:read"


@pytest.fixture(scope="module")
def maker(people: People) -> str:
    """An engineer, who may do everything with their own connection."""
    return people.add("t-maker", "engineer")


@pytest.fixture(scope="module")
def stock(people: People, maker: str, postgres: Cluster) -> Iterator[str]:
    """The maker's connection to a database with a table."""
    with postgres.connect() as connection:
        connection.execute("drop schema if exists tokens cascade")
        connection.execute("create schema tokens")
        connection.execute("create table tokens.stock as select 7 as pieces")
    api = people.api(maker)
    made = api.ok(
        "POST",
        "/connections",
        {
            "name": "token_stock",
            "connector": "postgres",
            "config": postgres.config(),
        },
    )
    yield "token_stock"
    api.ok("DELETE", f"/connections/{made['id']}")
    api.close()


def token_api(people: People, name: str, **body: Any) -> tuple[Api, str]:
    """The API with a token like those of the Hub's page, and the token's id."""
    made = people.hub("POST", f"/users/{name}/tokens", json={"note": "script", **body})
    return Api(f"{people.url}/services/workbench", made["token"]), made["id"]


def notes(people: People, name: str) -> set[str]:
    """The notes of a user's tokens."""
    found = people.hub("GET", f"/users/{name}/tokens")["api_tokens"]
    assert found
    return {token["note"] for token in found}


def test_a_read_token_queries_and_changes_nothing(
    people: People, maker: str, stock: str, postgres: Cluster
) -> None:
    api, _ = token_api(people, maker, scopes=[ACCESS, READ])
    table, _ = api.query(stock, "select pieces from tokens.stock")
    assert table.to_pylist() == [{"pieces": 7}]
    for sql in (
        "insert into tokens.stock values (8)",
        "update tokens.stock set pieces = 0",
        "delete from tokens.stock",
        "create table tokens.more (i int)",
        "with gone as (delete from tokens.stock returning pieces) select * from gone",
        "select * into tokens.more from tokens.stock",
    ):
        hidden = sql.startswith(("with", "select"))  # a write that looks like a read
        expected = (403, "not_a_read") if hidden else (403, "token_narrowed")
        answer = api.call("POST", "/query", {"connection": stock, "sql": sql})
        found = (answer.status_code, answer.json()["error"]["code"])
        assert found == expected, f"{sql}: {answer.text}"
    error = api.refused(
        403,
        "POST",
        "/query",
        {"connection": stock, "sql": "insert into tokens.stock values (8)"},
    )
    assert error["code"] == "token_narrowed"
    assert api.refused(403, "POST", "/connections", {})["code"] == "token_narrowed"
    listed = api.ok("GET", "/connections", search=stock)["items"][0]
    for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/test"), ("POST", "/shares")):
        error = api.refused(403, method, f"/connections/{listed['id']}{path}", {})
        assert error["code"] == "token_narrowed"
    assert "create" not in " ".join(api.ok("GET", "/me")["actions"])
    with postgres.connect() as connection:
        assert connection.execute("select pieces from tokens.stock").fetchall() == [(7,)]
    api.close()


def test_a_token_for_the_whole_workbench_may_do_nothing_at_the_hub(
    people: People, maker: str, stock: str
) -> None:
    api, _ = token_api(people, maker, scopes=[ACCESS, USE])
    table, _ = api.query(stock, "insert into tokens.stock values (8)")
    assert table.to_pylist() == [{"rows_affected": 1}]
    api.query(stock, "delete from tokens.stock where pieces = 8")
    token = api.http.headers["Authorization"]
    for method, path, status in (
        ("POST", f"users/{maker}/tokens", 403),
        ("POST", f"users/{maker}/server", 403),
        ("GET", f"users/{maker}/tokens", 403),
        ("GET", "users", 403),
    ):
        answer = httpx.request(
            method,
            f"{people.url}/hub/api/{path}",
            headers={"Authorization": token},
            json={},
            trust_env=False,
            verify=False,
        )
        assert answer.status_code == status, f"{method} {path}: {answer.status_code}"
    api.close()


@pytest.mark.parametrize(
    ("scopes", "code"),
    [
        ([READ], "no_access"),
        ([USE], "no_access"),
        (["read:users:name!user"], "no_access"),
        ([ACCESS], "token_narrowed"),
    ],
    ids=["read without access", "use without access", "something else", "access alone"],
)
def test_a_token_needs_both_access_and_a_right(
    people: People, maker: str, scopes: list[str], code: str
) -> None:
    api, _ = token_api(people, maker, scopes=scopes)
    assert api.refused(403, "GET", "/connections")["code"] == code
    api.close()


@pytest.mark.parametrize(
    "scopes",
    [["admin:users"], ["custom:workbench:everything"], ["access:servers!user=a-admin"], ["x y"]],
)
def test_nobody_makes_a_token_with_more_rights_than_they_have(
    people: People, maker: str, scopes: list[str]
) -> None:
    api, _ = token_api(people, maker)  # one that may make tokens
    answer = httpx.post(
        f"{people.url}/hub/api/users/{maker}/tokens",
        headers={"Authorization": api.http.headers["Authorization"]},
        json={"scopes": scopes, "note": "more than I have"},
        trust_env=False,
        verify=False,
    )
    assert answer.status_code == 400, answer.text
    assert "more than I have" not in notes(people, maker)
    api.close()


@pytest.mark.parametrize(
    "seconds", [90 * 86400 + 1, 0, -1, 1.5, "7", [1]], ids=lambda value: repr(value)
)
def test_a_token_must_expire_within_90_days(people: People, maker: str, seconds: object) -> None:
    answer = httpx.post(
        f"{people.url}/hub/api/users/{maker}/tokens",
        headers={"Authorization": f"token {people.admin_token}"},
        json={"scopes": [ACCESS, READ], "expires_in": seconds, "note": "refused"},
        trust_env=False,
        verify=False,
    )
    assert answer.status_code == 400, answer.text
    assert "refused" not in notes(people, maker)


def test_a_token_without_an_expiry_gets_one(people: People, maker: str) -> None:
    made = people.hub("POST", f"/users/{maker}/tokens", json={"scopes": [ACCESS, READ]})
    end = datetime.fromisoformat(made["expires_at"])
    assert timedelta(days=89) < end - datetime.now(UTC) <= timedelta(days=90)


def test_an_expired_token_is_refused_within_three_seconds(people: People, maker: str) -> None:
    api, _ = token_api(people, maker, scopes=[ACCESS, READ], expires_in=2)
    api.ok("GET", "/me")
    wait_for(lambda: api.call("GET", "/me").status_code == 401, 2 + 3)
    assert api.refused(401, "GET", "/me")["code"] == "unknown_token"
    api.close()


def test_a_user_revokes_their_own_token(people: People, maker: str) -> None:
    owner, _ = token_api(people, maker)
    api, made = token_api(people, maker, scopes=[ACCESS, READ])
    api.ok("GET", "/me")
    gone = httpx.delete(
        f"{people.url}/hub/api/users/{maker}/tokens/{made}",
        headers={"Authorization": owner.http.headers["Authorization"]},
        trust_env=False,
        verify=False,
    )
    assert gone.status_code == 204
    wait_for(lambda: api.call("GET", "/me").status_code == 401, 3)
    api.close()
    owner.close()


def test_nobody_sees_or_revokes_somebody_elses_token(people: People, maker: str) -> None:
    other, _ = token_api(people, "a-analyst")
    api, made = token_api(people, maker, scopes=[ACCESS, READ])
    for method, path in (
        ("GET", f"users/{maker}/tokens"),
        ("GET", f"users/{maker}/tokens/{made}"),
        ("DELETE", f"users/{maker}/tokens/{made}"),
        ("DELETE", f"users/a-analyst/tokens/{made}"),
        ("POST", f"users/{maker}/tokens"),
    ):
        answer = httpx.request(
            method,
            f"{people.url}/hub/api/{path}",
            headers={"Authorization": other.http.headers["Authorization"]},
            trust_env=False,
            verify=False,
        )
        assert answer.status_code in (403, 404), f"{method} {path}: {answer.status_code}"
    api.ok("GET", "/me")
    api.close()
    other.close()


def test_a_locked_out_user_is_refused_with_a_newer_token(people: People) -> None:
    """Even with a token that an administrator's script made for them afterwards."""
    name = people.add("t-locked", "viewer")
    hub = people.hub("GET", "/groups")
    if "locked-out" not in {group["name"] for group in hub}:
        people.hub("POST", "/groups/locked-out")
    people.promote(name, "locked-out")
    api, _ = token_api(people, name, scopes=[ACCESS, READ])
    assert api.refused(401, "GET", "/me")["code"] == "locked_out"
    people.demote(name, "locked-out")
    wait_for(lambda: api.call("GET", "/me").status_code == 200, 3)
    api.close()


@pytest.mark.parametrize("mode", ["websocket", "navigate", "cors"])
def test_a_token_in_the_url_is_refused(people: People, maker: str, mode: str) -> None:
    token = people.token(maker)
    answer = httpx.get(
        f"{people.url}/services/workbench/api/v1/me",
        params={"token": token},
        headers={"Sec-Fetch-Mode": mode},
        trust_env=False,
        verify=False,
    )
    assert answer.status_code == 401


# --- a script on another machine ----------------------------------------------------------------

SCRIPT = """
import wb

print([each.name for each in wb.connections() if each.name == "sample"])
answer = wb.query("sample", "select count(*) as n from customers where customer_id > :least",
                  {"least": 0})
print(answer.df()["n"][0] > 0)
try:
    wb.query("sample", "delete from customers")
except wb.QueryError as error:
    print(error.code)
"""


def elsewhere(folder: Path, source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a script as on another machine, without a Hub or a Jupyter server in its environment."""
    keep = ("PATH", "LANG", "LC_ALL")
    return subprocess.run(
        [sys.executable, "-I", "-c", source],
        cwd=folder,
        env={
            **{name: os.environ[name] for name in keep if name in os.environ},
            "HOME": str(folder),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_a_script_elsewhere_reads_through_the_proxy(people: People, tmp_path: Path) -> None:
    token = people.token("a-analyst", [ACCESS, READ])
    url = f"{people.url}/services/workbench"
    done = elsewhere(tmp_path, SCRIPT, WORKBENCH_URL=url, WORKBENCH_TOKEN=token)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['sample']", "True", "read_only_connection"]


def test_a_script_with_a_bad_token_gets_a_one_line_error(people: People, tmp_path: Path) -> None:
    url = f"{people.url}/services/workbench"
    done = elsewhere(
        tmp_path, "import wb; wb.connections()", WORKBENCH_URL=url, WORKBENCH_TOKEN="outdated"
    )
    assert done.returncode == 1
    assert "The Hub does not know this token." in done.stderr.splitlines()[-1]
    done = elsewhere(tmp_path, "import wb; wb.connections()", WORKBENCH_URL=url)
    assert "Sign in, or send a token" in done.stderr.splitlines()[-1]


def test_the_client_takes_address_and_token(people: People) -> None:
    url = f"{people.url}/services/workbench"
    with Client(url, people.token("a-viewer", [ACCESS, READ])) as client:
        assert client.query("sample", "select 1 as one from customers limit 1").arrow().num_rows
    with Client(url, uuid.uuid4().hex) as client, pytest.raises(QueryError) as raised:
        client.connections()
    assert raised.value.code == "unknown_token"
