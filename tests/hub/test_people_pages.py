"""Adding people, approving with a role, and people who leave, at a real Hub with its service."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from itertools import count
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from running_hub import Browser, Running
from support.people import People
from support.wait import wait_for

GOOD = "plain coffee 42"
_number = count(1)
LOCAL = {"host": "127.0.0.1", "port": 1, "database": "none", "user": "nobody", "password": "x"}


def new_name() -> str:
    return f"staff{next(_number)}"


def groups_of(admin: Browser, name: str) -> set[str]:
    return set(admin.api("GET", f"/users/{name}").json()["groups"])


def add(admin: Browser, name: str, **fields: Any) -> str:
    """Fills in the page *Add a person*, and returns the page that follows."""
    admin.http.get("/hub/people/new")
    return admin.post("/hub/people/new", name=name, **fields).text


@pytest.fixture
def finance(admin: Browser) -> str:
    name = f"finance{next(_number)}"
    assert admin.api("POST", f"/groups/{name}").status_code == 201
    return name


def test_a_person_is_added_with_role_groups_and_password(
    admin: Browser, stranger: Browser, finance: str
) -> None:
    name = new_name()
    assert finance in admin.http.get("/hub/people/new").text
    page = add(admin, name, role="engineer", group=finance, way="password", password=GOOD)
    assert f"<strong>{name}</strong> was added" in page
    assert groups_of(admin, name) == {"engineer", finance}
    stranger.sign_in(name, GOOD)
    assert stranger.signed_in() == name


def test_an_invitation_works_once(admin: Browser, stranger: Browser) -> None:
    name = new_name()
    page = add(admin, name, role="viewer", way="invitation")
    found = re.search(r'id="invitation"[^>]*value="([^"]+)"', page)
    assert found
    link = unescape(found[1])
    path = urlsplit(link).path + "?" + urlsplit(link).query
    assert f"Welcome, {name}" in stranger.http.get(path).text
    key = unquote(link.partition("key=")[2])
    fields = {"password": GOOD, "password_confirmation": GOOD}
    weak = stranger.post(
        "/hub/invitation", key=key, password="short", password_confirmation="short"
    )
    assert "must be at least" in weak.text
    assert stranger.post("/hub/invitation", key=key, **fields).status_code == 200
    stranger.sign_in(name, GOOD)
    assert stranger.signed_in() == name
    assert stranger.http.get(path).status_code == 403
    assert stranger.post("/hub/invitation", key=key, **fields).status_code == 403
    assert groups_of(admin, name) == {"viewer"}


@pytest.mark.parametrize("key", ["", "x", "2|1:0|10:1|1:a|4:AAAA|0"])
def test_an_invented_invitation_is_refused(stranger: Browser, key: str) -> None:
    assert stranger.http.get("/hub/invitation", params={"key": key}).status_code == 403


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("Not a name", {}, "A name consists of"),
        ("admin", {}, "There is a user admin already"),
        ("newcomer-1", {"role": "boss"}, "There is no group boss"),
        ("newcomer-2", {"way": "password", "password": "short"}, "must be at least"),
    ],
)
def test_a_mistake_adds_nobody(
    admin: Browser, name: str, fields: dict[str, str], message: str
) -> None:
    before = {user["name"] for user in admin.api("GET", "/users").json()}
    assert message in add(admin, name, **fields)
    assert {user["name"] for user in admin.api("GET", "/users").json()} == before


def test_approving_gives_a_role(admin: Browser, stranger: Browser) -> None:
    name = new_name()
    stranger.sign_up(name, GOOD)
    admin.http.get("/hub/authorize")
    assert admin.post(f"/hub/authorize/{name}", approved="yes", role="analyst").status_code == 200
    assert groups_of(admin, name) == {"analyst"}


def test_only_administrators_see_these_pages(admin: Browser, stranger: Browser) -> None:
    name = new_name()
    add(admin, name, role="admin", way="password", password=GOOD)
    stranger.sign_in(name, GOOD)
    for path in ("authorize", "people/new", "people/leave/admin"):
        assert stranger.http.get(f"/hub/{path}").status_code == 403
    assert stranger.post("/hub/people/leave/admin").status_code == 403


def test_someone_who_leaves(
    admin: Browser, stranger: Browser, people: People, finance: str, hub: Running
) -> None:
    name, heir = new_name(), new_name()
    for each in (name, heir):
        add(admin, each, role="engineer", way="password", password=GOOD)
    people.promote(heir, finance)
    leaver, root = people.api(name), people.api("admin")
    made = leaver.ok("POST", "/connections", _connection(f"{name}_db"))
    other = people.api(heir).ok("POST", "/connections", _connection(f"{heir}_db"))
    people.api(heir).ok(
        "POST",
        f"/connections/{other['id']}/shares",
        {"kind": "user", "name": name, "level": "use"},
    )
    text = (
        f"name: {name}\ntasks:\n  one: {{type: sql, connection: {name}_db, statement: select 1}}\n"
    )
    pipeline = leaver.ok("POST", "/pipelines", {"text": text})
    stranger.sign_in(name, GOOD)
    assert stranger.signed_in() == name

    # What will be transferred is said before it happens.
    page = admin.http.get(f"/hub/people/leave/{name}").text
    assert f"{name}_db" in page
    assert "shares of connections: 1" in page
    assert 'id="confirm"' not in page
    page = admin.http.get(f"/hub/people/leave/{name}", params={"to": f"team/{finance}"}).text
    assert f"Will be transferred to team {finance}" in page
    assert f"Transfer and remove {name}" in page
    assert leaver.ok("GET", "/me")["name"] == name

    done = admin.post(f"/hub/people/leave/{name}", to=f"team/{finance}")
    assert f"{name} has left" in done.text
    assert admin.api("GET", f"/users/{name}").status_code == 404
    assert stranger.signed_in() is None
    assert "Invalid username" in stranger.sign_in(name, GOOD).text
    owner = {"kind": "team", "name": finance}
    kept = root.ok("GET", f"/connections/{made['id']}")
    assert kept["owner"] == owner
    moved = root.ok("GET", f"/pipelines/{pipeline['id']}")
    assert moved["owner"] == owner
    assert moved["approved"] is None
    assert root.ok("GET", f"/connections/{other['id']}/access")["shares"] == []
    rows = root.ok("GET", "/audit?user=admin&limit=50")["items"]
    done_things = {row["action"] for row in rows if row["outcome"] == "ok"}
    assert {"people.leave", "connection.transfer", "pipeline.transfer"} <= done_things

    # Another user of the same name is somebody else.
    add(admin, name, role="engineer", way="password", password=GOOD)
    anew = people.api(name)
    assert name not in {row["owner"]["name"] for row in anew.ok("GET", "/connections")["items"]}
    assert anew.ok("GET", "/audit/mine")["items"] == []


def test_a_removed_user_leaves_nothing_to_the_next_of_the_name(
    admin: Browser, people: People, hub: Running
) -> None:
    """Removed on the Hub's own page, so that nothing was transferred."""
    name = new_name()
    add(admin, name, role="engineer", way="password", password=GOOD)
    first = people.api(name)
    made = first.ok("POST", "/connections", _connection(f"{name}_db"))
    home = hub.data_dir / "users" / name
    home.mkdir(exist_ok=True)
    (home / "private.txt").write_text("mine")
    assert admin.api("DELETE", f"/users/{name}").status_code == 204
    add(admin, name, role="engineer", way="password", password=GOOD)
    second = people.api(name)
    assert made["id"] not in {row["id"] for row in second.ok("GET", "/connections")["items"]}
    second.refused(404, "GET", f"/connections/{made['id']}")
    owner = people.api("admin").ok("GET", f"/connections/{made['id']}")["owner"]["name"]
    assert owner.startswith(f"{name} (left by ")
    # What the former user left is handed over under the name that it got.
    people.api("admin").ok(
        "POST", f"/people/{owner}/leave", {"to": {"kind": "user", "name": "admin"}}
    )
    with Browser(hub.url) as browser:
        browser.sign_in(name, GOOD)
        browser.start_server(name)
        assert not (home / "private.txt").exists()
        [former] = (hub.data_dir / "users" / ".former").glob(f"{name}-*")
        assert (former / "private.txt").read_text() == "mine"
        browser.api("DELETE", f"/users/{name}/server")


def test_a_server_that_is_starting_ends_with_its_user(admin: Browser, people: People) -> None:
    left, locked = new_name(), new_name()
    for name in (left, locked):
        add(admin, name, role="engineer", way="password", password=GOOD)
    with ThreadPoolExecutor() as threads:
        for name in (left, locked):
            threads.submit(people.hub, "POST", f"/users/{name}/server")
        for name in (left, locked):
            assert wait_for(lambda name=name: _server(people, name).get("pending") == "spawn", 30)
        page = admin.post(f"/hub/people/leave/{left}", to="")
        assert f"{left} has left" in page.text
        admin.post(f"/hub/authorize/{locked}", approved="no")
        assert _server(people, locked) == {}


def _server(people: People, name: str) -> dict[str, Any]:
    found: dict[str, Any] = people.hub("GET", f"/users/{name}")["servers"].get("", {})
    return found


def test_a_new_owner_is_checked_before_anything_happens(admin: Browser, people: People) -> None:
    name, locked = new_name(), new_name()
    for each in (name, locked):
        add(admin, each, role="engineer", way="password", password=GOOD)
    people.api(name).ok("POST", "/connections", _connection(f"{name}_db"))
    admin.post(f"/hub/authorize/{locked}", approved="no")
    for to in (f"user/{locked}", "team/locked-out", "team/none", "user/none", f"user/{name}", ""):
        assert admin.post(f"/hub/people/leave/{name}", to=to).status_code == 422
        if to:
            assert admin.http.get(f"/hub/people/leave/{name}", params={"to": to}).status_code == 422
        assert groups_of(admin, name) == {"engineer"}
    people.api(name).ok("GET", "/me")


def test_a_renamed_user_signs_in_with_the_new_name_and_begins_with_nothing(
    admin: Browser, stranger: Browser, people: People
) -> None:
    name, gone, waiting = new_name(), new_name(), new_name()
    for each in (name, gone):
        add(admin, each, role="engineer", way="password", password=GOOD)
    # The former user of the new name is younger, and has something.
    made = people.api(gone).ok("POST", "/connections", _connection(f"{gone}_db"))
    api = people.api(name)
    assert api.ok("GET", "/me")["name"] == name
    assert admin.api("DELETE", f"/users/{gone}").status_code == 204
    assert admin.api("PATCH", f"/users/{name}", json={"name": gone}).status_code == 200
    stranger.sign_in(name, GOOD)
    assert stranger.signed_in() is None
    stranger.sign_in(gone, GOOD)
    assert stranger.signed_in() == gone
    renamed = people.api(gone)
    assert renamed.ok("GET", "/me")["name"] == gone
    renamed.refused(404, "GET", f"/connections/{made['id']}")
    # A token from before works on, once the answers about it have aged.
    assert wait_for(lambda: api.call("GET", "/me").status_code == 200, 10)
    # A request for an account with the new name doesn't take the user's place.
    with Browser(stranger.url) as other:
        other.sign_up(waiting, "another coffee 42")
        assert admin.api("PATCH", f"/users/{gone}", json={"name": waiting}).status_code == 200
        other.sign_in(waiting, "another coffee 42")
        assert other.signed_in() is None
        other.sign_in(waiting, GOOD)
        assert other.signed_in() == waiting


def test_a_group_that_is_created_again_inherits_nothing(
    admin: Browser, people: People, finance: str
) -> None:
    member, later = new_name(), new_name()
    for each in (member, later):
        add(admin, each, role="engineer", way="password", password=GOOD)
    people.promote(member, finance)
    root, api = people.api("admin"), people.api(member)
    owned = api.ok("POST", "/connections", _connection(f"{member}_a"))
    shared = api.ok("POST", "/connections", _connection(f"{member}_b"))
    root.ok("POST", f"/connections/{owned['id']}/owner", {"kind": "team", "name": finance})
    root.ok(
        "POST",
        f"/connections/{shared['id']}/shares",
        {"kind": "group", "name": finance, "level": "use"},
    )
    # Other properties are the administrator's; they don't make it another group.
    properties = {"cost_centre": "7", "workbench_created": "2020"}
    answer = admin.api("PUT", f"/groups/{finance}/properties", json=properties)
    assert answer.status_code == 200
    kept = admin.api("GET", f"/groups/{finance}").json()["properties"]
    assert kept["cost_centre"] == "7"
    assert kept["workbench_created"] != "2020"
    assert api.ok("GET", f"/connections/{owned['id']}")["owner"]["name"] == finance

    assert admin.api("DELETE", f"/groups/{finance}").status_code == 204
    assert admin.api("POST", f"/groups/{finance}").status_code == 201
    people.promote(later, finance)
    newcomer = people.api(later)
    for each in (owned, shared):
        newcomer.refused(404, "GET", f"/connections/{each['id']}")
    owner = root.ok("GET", f"/connections/{owned['id']}")["owner"]
    assert owner["name"].startswith(f"{finance} (deleted by ")
    assert root.ok("GET", f"/connections/{shared['id']}/access")["shares"] == []


def _command(hub: Running, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "wb_hub.people_command", "leave", *arguments]
    return subprocess.run(
        [*command, "--data-dir", str(hub.data_dir)],
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_command(admin: Browser, people: People, hub: Running) -> None:
    name = new_name()
    add(admin, name, role="engineer", way="password", password=GOOD)
    made = people.api(name).ok("POST", "/connections", _connection(f"{name}_db"))
    unsaid = _command(hub, name)
    assert unsaid.returncode == 1
    assert f"connection {name}_db" in unsaid.stdout
    assert "--to" in unsaid.stderr
    refused = _command(hub, name, "--to", "user/nobody-here", "--yes")
    assert "There is no other user nobody-here" in refused.stderr
    doubted = _command(hub, name, "--to", "user/admin", typed="n\n")
    assert "will be transferred to user admin" in doubted.stdout
    assert doubted.returncode == 1
    assert admin.api("GET", f"/users/{name}").status_code == 200
    done = _command(hub, name, "--to", "user/admin", typed="y\n")
    assert done.returncode == 0, done.stderr
    assert admin.api("GET", f"/users/{name}").status_code == 404
    assert people.api("admin").ok("GET", f"/connections/{made['id']}")["owner"]["name"] == "admin"
    assert "There is no user" in _command(hub, name, "--yes").stderr


def _connection(name: str) -> dict[str, Any]:
    return {"name": name, "connector": "postgres", "config": LOCAL}
