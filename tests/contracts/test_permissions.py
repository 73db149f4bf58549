"""Who may call what: every caller sends each endpoint a request that succeeds for whoever may.

The callers come from the table of rights and the endpoints from the routes, so a new endpoint is
covered once ``REQUESTS`` has a request that succeeds there. The Workbench runs in this process;
``test_callers.py`` covers the kinds of tokens, on a Hub.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from support.api import Api
from support.house import Staff
from support.in_process import Host, served
from support.metadata import migrate_new
from support.wait import wait_for

from wb_server.composition import Workbench, build
from wb_server.governance.rights import ROLES
from wb_server.governance.secrets import vault
from wb_server.kit.actor import Actor
from wb_server.kit.endpoint import Endpoint
from wb_server.rooms import ACTIONS, LEVELS
from wb_server.routes import ROUTES
from wb_server.settings import Settings

pytestmark = pytest.mark.slow

CLOSED = [route for route in ROUTES if route.action is not None]
TEXT = (
    "name: {name}\ntasks:\n  one: {{type: sql, connection: {name}, statement: 'select 1 as n'}}\n"
)
NEW = object()  # replaced by an unused name


@dataclass
class Request:
    """A request that succeeds at an endpoint.

    Attributes:
        missing: the code of an error that also proves the request was allowed: its target no longer
            exists, or never did.
        deleted: true if the request acts on something deleted.
    """

    body: dict[str, Any] | None = None
    query: dict[str, Any] = field(default_factory=dict)
    missing: str = ""
    deleted: bool = False


def _new(connector: str = "files") -> dict[str, Any]:
    return {"name": NEW, "connector": connector, "config": {"folder": "FOLDER"}}


SHARE = {"kind": "user", "name": "ben", "level": None}
OWNER = {"kind": "user", "name": "ben"}
LIMIT = {"kind": "user", "subject": "ben", "rows": 10}
# Each user signs in with their own credential; nothing listens there.
NOWHERE = {"host": "127.0.0.1", "port": 1, "database": "none"}
LOGIN = {"login": {"user": "ben", "password": "p"}}
REQUESTS: dict[str, Request] = {
    "GET /events": Request(query={"topics": "me"}),
    "POST /connections": Request(_new()),
    "POST /connections/test": Request({"connector": "files", "config": {"folder": "FOLDER"}}),
    "POST /connections/preview": Request({"connector": "files", "config": {"folder": "FOLDER"}}),
    "PATCH /connections/{id}": Request({"description": "changed"}),
    "POST /connections/{id}/restore": Request(deleted=True),
    "GET /connections/{id}/columns": Request(query={"table": "sales"}),
    # The connection has files: that it takes no requests shows that the request was allowed.
    "POST /call": Request({"connection": "THING", "path": "/"}, missing="no_calls"),
    "GET /connections/{id}/search": Request(query={"text": "a"}),
    "GET /connections/{id}/definition": Request(query={"table": "sales"}),
    "GET /connections/{id}/rows": Request(query={"table": "sales"}),
    "GET /connections/{id}/count": Request(query={"table": "sales"}),
    "POST /query": Request({"connection": "THING", "sql": "select * from sales"}),
    "POST /load": Request(
        query={"connection": "THING", "table": "sales", "mode": "append"}, missing="bad_rows"
    ),
    # The connection has files, into which nothing can be loaded.
    "POST /uploads": Request(
        {"connection": "THING", "name": "a.csv", "size": 1}, missing="not_supported"
    ),
    "POST /uploads/{id}/parts": Request(query={"offset": 0}, missing="unknown_upload"),
    "POST /uploads/{id}/preview": Request({"connection": "THING"}, missing="unknown_upload"),
    "POST /uploads/{id}/load": Request(
        {
            "connection": "THING",
            "table": "t",
            "mode": "create",
            "columns": [{"column": "a", "name": "a"}],
        },
        missing="unknown_upload",
    ),
    "DELETE /query/{id}": Request(missing="unknown_id"),
    "GET /query/{id}": Request(missing="unknown_id"),
    "POST /connections/{id}/shares": Request(SHARE),
    "POST /connections/{id}/owner": Request(OWNER),
    "POST /connections/{id}/routines": Request({"routines": []}, missing="no_routines"),
    "POST /connections/{id}/credential": Request(LOGIN),
    "DELETE /connections/{id}/credential": Request(missing="credential_missing"),
    "POST /connections/{id}/credential/test": Request(LOGIN),
    "POST /people/{name}/leave": Request({"to": OWNER}),
    "DELETE /limits/everyone": Request(missing="unknown_limit"),
    "POST /limits": Request(LIMIT),
    "DELETE /limits/{kind}/{subject}": Request(missing="unknown_limit"),
    "POST /pipelines": Request({"text": TEXT}),
    "POST /pipelines/check": Request({"text": TEXT}),
    "POST /pipelines/{id}": Request({"text": TEXT}),
    "PATCH /pipelines/{id}": Request({"paused": True}),
    "POST /pipelines/{id}/restore": Request(deleted=True),
    "GET /pipelines/{id}/versions/{number}/file": Request(query={"path": "more.sql"}),
    "POST /pipelines/{id}/versions": Request({"version": 1}),
    "POST /pipelines/{id}/approve": Request({"version": 1}),
    "POST /pipelines/{id}/shares": Request(SHARE),
    "POST /pipelines/{id}/owner": Request(OWNER),
    "POST /pipelines/{id}/runs": Request({}),
    "POST /runs/{id}/cancel": Request(missing="ended"),
    "POST /runs/{id}/rerun": Request({}),
    # The run has no artifacts and no notebook.
    "GET /runs/{id}/artifacts/{task}/{name}": Request(missing="unknown_artifact"),
    "GET /attempts/{id}/notebook": Request(missing="no_notebook"),
}


def title(route: Endpoint) -> str:
    return f"{route.method} {route.path}"


@dataclass
class Thing:
    """The objects that a request can act on."""

    connection: dict[str, Any]
    personal: dict[str, Any]
    pipeline: dict[str, Any]
    run: str
    attempt: str

    def path(self, route: Endpoint) -> str:
        """An endpoint's path with its placeholders filled in."""
        words = {
            "connections": self.connection["id"], "pipelines": self.pipeline["id"],
            "runs": self.run, "attempts": self.attempt, "query": str(uuid.uuid4()),
            "uploads": str(uuid.uuid4()),
        }  # fmt: skip
        if "/credential" in route.path:
            words["connections"] = self.personal["id"]
        path = route.path.replace("{id}", words.get(route.room, ""))
        share = "/user/ben"
        return (
            path.replace("/{kind}/{name}", share).replace("/{kind}/{subject}", share)
            .replace("{number}", "1").replace("{task}", "one").replace("{name}", "none")
        )  # fmt: skip


class Scene:
    """A Workbench with users of every role, and of every level on what ana owns."""

    def __init__(self, workbench: Workbench, host: Host, staff: Staff, folder: Path) -> None:
        self.workbench = workbench
        self._files = {"folder": str(folder)}
        self._apis: dict[str, Api] = {}
        self._stack = ExitStack()
        people = {f"r-{role}": {role, "g-manage"} for role in ROLES} | {"r-nobody": {"g-manage"}}
        for level in sorted({level for levels in LEVELS.values() for level in levels}):
            people[f"l-{level}"] = {"engineer", f"g-{level}"}
        people["l-none"] = {"engineer"}
        for name, groups in people.items():
            staff.groups_of[name] = frozenset(groups)
        for name, groups in staff.groups_of.items():
            self._add(host, name, Actor(name, groups, frozenset({"use"}), "script"))
        narrow = Actor("narrow", frozenset({"admin"}), frozenset({"read"}), "script")
        self._add(host, "narrow", narrow)
        self._apis["anonymous"] = Api(host.url, None)
        self._stack.callback(self._apis["anonymous"].close)
        self.still = self.made(ran=True)

    def _add(self, host: Host, name: str, actor: Actor) -> None:
        self._apis[name] = host.api(actor)
        self._stack.callback(self._apis[name].close)

    def close(self) -> None:
        self._stack.close()

    def __getitem__(self, name: str) -> Api:
        return self._apis[name]

    def made(self, owner: str = "ana", *, ran: bool = False) -> Thing:
        """New connections of ana's and a new pipeline of ``owner``'s; ana's are shared with the ``l-`` and ``g-`` groups."""
        name = f"t_{uuid.uuid4().hex[:10]}"
        connection = self._connection(name, connector="files", config=self._files)
        personal = self._connection(
            f"{name}_p", connector="postgres", config=NOWHERE, credentials="personal"
        )
        pipeline = self._pipeline(owner, connection["name"])
        api, run, attempt = self["ana"], "", ""
        if ran:
            run = api.ok("POST", f"/pipelines/{pipeline['id']}/runs", {})["id"]
            wait_for(lambda: api.ok("GET", f"/runs/{run}")["state"] == "succeeded")
            attempt = api.ok("GET", f"/runs/{run}")["tasks"][0]["attempts"][0]["id"]
        return Thing(connection, personal, pipeline, run, attempt)

    def _connection(self, name: str, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = self["ana"].ok("POST", "/connections", {"name": name, **more})
        self._share("connection", made["id"])
        return made

    def _pipeline(self, owner: str, name: str) -> dict[str, Any]:
        """A pipeline that reads the connection ``name``."""
        text = TEXT.format(name=name).replace(name, f"p_{uuid.uuid4().hex[:10]}", 1)
        body = {"text": text, "files": {"more.sql": "c2VsZWN0IDE="}}
        made: dict[str, Any] = self[owner].ok("POST", "/pipelines", body)
        if owner == "ana":
            self._share("pipeline", made["id"])
        return made

    def _share(self, thing: str, number: str) -> None:
        held = [("group", f"g-{level}", level) for level in LEVELS[thing]]
        for kind, name, level in (*held, ("user", "ben", LEVELS[thing][0])):
            share = {"kind": kind, "name": name, "level": level}
            self["ana"].ok("POST", f"/{thing}s/{number}/shares", share)

    def ready(self, route: Endpoint) -> Thing:
        """The target of a call: a new one if the call changes it."""
        if route.method == "GET" or route.room not in ("connections", "pipelines"):
            return self.still
        name = f"t_{uuid.uuid4().hex[:10]}"
        if route.room == "pipelines":
            thing = replace(
                self.still, pipeline=self._pipeline("ana", self.still.connection["name"])
            )
        elif "/credential" in route.path:
            return self.still  # each user has their own credential
        else:
            thing = replace(
                self.still, connection=self._connection(name, connector="files", config=self._files)
            )
        if REQUESTS.get(title(route), Request()).deleted:
            self["ana"].ok("DELETE", thing.path(route).removesuffix("/restore"))
        return thing

    def ask(self, route: Endpoint, who: str, thing: Thing) -> tuple[int, str]:
        """Sends the endpoint's request as a caller; returns the status and the error's code."""
        request = REQUESTS.get(title(route), Request())
        api = self[who]
        if route.answer == "text/event-stream":
            url = f"{api.base}/api/v1{route.path}"
            with api.http.stream("GET", url, params=request.query) as stream:
                return stream.status_code, ""
        body = self._filled(request.body, route, thing)
        url = f"{api.base}/api/v1{thing.path(route)}"
        answer = api.http.request(route.method, url, json=body, params=request.query)
        if answer.status_code >= 400:
            return answer.status_code, answer.json()["error"]["code"]
        return answer.status_code, ""

    def _filled(self, value: Any, route: Endpoint, thing: Thing) -> Any:
        if isinstance(value, dict):
            return {name: self._filled(part, route, thing) for name, part in value.items()}
        if isinstance(value, list):
            return value
        if value is NEW:
            return f"n_{uuid.uuid4().hex[:10]}"
        if value is None and route.body is not None:
            return LEVELS["pipeline" if route.room == "pipelines" else "connection"][0]
        if value == TEXT:
            own = "{id}" in route.path or route.path.endswith("/check")
            name = thing.pipeline["name"] if own else f"n_{uuid.uuid4().hex[:10]}"
            return TEXT.format(name=thing.connection["name"]).replace(
                f"name: {thing.connection['name']}", f"name: {name}", 1
            )
        return {"FOLDER": self._files["folder"], "THING": thing.connection["name"]}.get(
            value, value
        )


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("permissions")
    files = folder / "files"
    files.mkdir()
    (files / "sales.csv").write_text("region,amount\neu,1\n")
    settings = Settings.from_environment(
        {
            "WB_DATA_DIR": str(folder / "data"),
            "WB_MODE": "local",
            "WB_FILE_ROOTS": str(files),
            "WB_ALLOW_LOOPBACK": "1",
        }
    )
    (folder / "data").mkdir()
    vault.generate(settings.key_path)
    migrate_new(settings.database)
    staff = Staff()
    workbench = build(settings, directory=staff)
    with served(workbench) as host:
        it = Scene(workbench, host, staff, files)
        yield it
        it.close()
    workbench.close()


# Calls that succeed only once per target.
_ONCE = ("/restore", "/owner", "/versions")


def outcomes(scene: Scene, route: Endpoint, expected: dict[str, set[int]]) -> list[str]:
    """Asks as each caller, those who may not first; returns answers that contradict the table."""
    request = REQUESTS.get(title(route), Request())
    wrong, thing = [], scene.ready(route)
    for who, refusal in sorted(expected.items(), key=lambda item: not item[1]):
        status, code = scene.ask(route, who, thing)
        right = (
            status in refusal
            if refusal
            else code == request.missing
            if code
            else status == route.status
        )
        if not right:
            wrong.append(f"{who}: {status} {code}, not {refusal or route.status}")
        if not refusal and (route.method == "DELETE" or route.path.endswith(_ONCE)):
            thing = scene.ready(route)
    return wrong


@pytest.mark.parametrize("route", CLOSED, ids=title)
def test_a_role_may_call_what_its_row_says(scene: Scene, route: Endpoint) -> None:
    """All callers hold the highest level on the target, so the role alone decides."""
    row = ACTIONS[route.action or ""]
    expected: dict[str, set[int]] = {"anonymous": {401}}
    for role in ("nobody", *ROLES):
        may = row.role is None or (
            role in ROLES and ROLES.index(role) >= ROLES.index(row.role)  # type: ignore[arg-type]
        )
        expected[f"r-{role}"] = set() if may and not row.owner else {403}
    expected["narrow"] = set() if row.scope == "read" and not row.owner else {403}
    assert outcomes(scene, route, expected) == []


@pytest.mark.parametrize(
    "route", [route for route in CLOSED if ACTIONS[route.action or ""].level], ids=title
)
def test_a_level_may_call_what_its_row_says(scene: Scene, route: Endpoint) -> None:
    """Without any level the target seems not to exist; with too low a level the call is refused.

    All callers have the required role, except where it is administrator, who holds every level.
    """
    row = ACTIONS[route.action or ""]
    levels = LEVELS[row.thing]
    may_ever = row.role != "admin" and not row.owner
    expected: dict[str, set[int]] = {"l-none": {404} if row.role != "admin" else {403}}
    for level in levels:
        enough = levels.index(level) >= levels.index(row.level)  # type: ignore[arg-type]
        expected[f"l-{level}"] = set() if enough and may_ever else {403}
    assert outcomes(scene, route, expected) == []


@pytest.mark.parametrize("role", ["analyst", "engineer", "admin"])
def test_only_the_owner_approves(scene: Scene, role: str) -> None:
    (route,) = (it for it in CLOSED if it.action == "pipeline.approve")
    own = scene.made(f"r-{role}")
    # A version by its owner needs no approval.
    assert scene.ask(route, f"r-{role}", own) == (409, "approved")
    status, code = scene.ask(route, f"r-{role}", scene.still)
    assert (status, code) == (403, "owner_only")


def test_others_things_are_in_no_answer(scene: Scene) -> None:
    """A user without a level finds them in no list, log or suggestion of similar names."""
    api = scene["l-none"]
    thing = scene.still
    lists = ("/connections", "/pipelines", "/runs", "/queries")
    texts = [api.call("GET", path).text for path in lists]
    names = (thing.connection["name"], thing.connection["id"])
    for name in names:
        answer = api.call("POST", "/query", {"connection": name, "sql": "select * from sales"})
        assert answer.json()["error"]["code"] == "unknown_connection"
        texts.append(str(answer.json()["error"]["details"]["near"]))
    for mark in (*names, thing.pipeline["id"], thing.run):
        assert not any(mark in text for text in texts)
    seen = scene["ana"].call("GET", "/pipelines").text
    assert thing.pipeline["id"] in seen  # the control


def test_only_an_administrator_handles_others_limits(scene: Scene) -> None:
    scene["r-admin"].ok("POST", "/limits", {"kind": "user", "subject": "r-analyst", "rows": 7})
    assert scene["r-analyst"].ok("GET", "/limits/mine")["rows"]["value"] == 7
    for who in ("r-analyst", "r-engineer"):
        assert scene[who].refused(403, "GET", "/limits")["code"] == "role_missing"
        body = {"kind": "user", "subject": who, "rows": 10**6}
        scene[who].refused(403, "POST", "/limits", body)
        scene[who].refused(403, "DELETE", "/limits/user/r-analyst")
    assert scene["r-analyst"].ok("GET", "/limits/mine")["rows"]["value"] == 7
    assert "r-analyst" not in scene["r-engineer"].call("GET", "/limits/mine").text


def test_a_personal_credential_is_out_of_others_reach(scene: Scene) -> None:
    """Not even a manager of the connection sees, tests or removes it."""
    thing = scene.made()
    path = f"/connections/{thing.personal['id']}"
    secret = uuid.uuid4().hex
    login = {"login": {"user": "ben", "password": secret}}
    scene["ben"].ok("POST", f"{path}/credential", login)
    for who in ("ana", "r-admin"):
        assert (
            scene[who].refused(404, "DELETE", f"{path}/credential")["code"] == "credential_missing"
        )
        assert secret not in scene[who].call("GET", path).text
        assert (
            scene[who].ok("GET", path)["credential"] != scene["ben"].ok("GET", path)["credential"]
        )
    assert scene["ben"].ok("DELETE", f"{path}/credential")
