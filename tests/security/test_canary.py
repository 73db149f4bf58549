"""A password that goes in comes out nowhere.

A login gets a unique password, a connection is created with it, and a user works with that
connection: queries from a kernel, errors, a second connection with a wrong password, a saved
notebook. Then everything that left the service, is on disk or in another process's memory is searched
for the passwords, in every form in which a program might write them. As a control, the same search
finds them in the service's memory, and finds a marker that is no secret where it should be.

The connection is created directly at the service. A password that a user types into Lab passes
through the Hub's proxy and the user's own server, which therefore see it.
"""

from __future__ import annotations

import base64
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from running_hub import Running
from support.api import Api
from support.kernel import Kernel, kernel
from support.memory import forms, search, search_file, search_memory
from support.people import People
from support.postgres import Cluster
from support.site import notebook
from support.wait import wait_for

from wb_server.kit.endpoint import Endpoint
from wb_server.routes import ROUTES

NAME = "canary-engineer"
# Has characters that JSON, URLs and base64 encode differently; random, so that no test file has it.
CANARY = f"Kanari-{secrets.token_hex(4)}!Zt/9+vü=Lw&{secrets.token_hex(4)}"
# Both share a prefix, so that one search finds either.
RIGHT, WRONG = f"{CANARY}-right", f"{CANARY}-wrong"
# Not a secret: it has to be found.
MARKER = f"marker-{secrets.token_hex(8)}"
SECRETS = forms(CANARY)
NEEDLES = SECRETS | {"marker": MARKER.encode()}


@dataclass
class Scene:
    """The answers seen so far, and the processes and files to search."""

    hub: Running
    started: float
    id: str
    kernel: Kernel
    service: psutil.Process
    server: psutil.Process
    kernel_process: psutil.Process
    run: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)

    def others(self) -> dict[str, psutil.Process]:
        """Every process of the Workbench, except the service, its workers and schedulers."""
        found = {"wb up": psutil.Process(self.hub.pid)}
        for process in self.hub.descendants():
            command = process.cmdline()
            if "wb_server.cli" not in command:
                found[f"{process.pid} {' '.join(command)[-60:]}"] = process
        return found


@pytest.fixture(scope="module")
def scene(hub: Running, people: People, postgres: Cluster) -> Iterator[Scene]:
    """A user's work with a connection, with all answers, and with everything still running."""
    started = time.time()
    with postgres.connect() as connection:
        connection.execute("create table canaries (id int, note text)")
        connection.execute(
            "insert into canaries select n, 'row ' || n from generate_series(1, 5) n"
        )
        connection.execute(f"create role canary_reader login password '{RIGHT}'")
        connection.execute("grant select on canaries to canary_reader")
    people.add(NAME, "engineer")
    people.start_server(NAME)
    token = people.token(NAME, [f"access:servers!user={NAME}"])
    service = process_of(hub, "wb_server.cli", "service")
    server = process_of(hub, "jupyterhub.singleuser", user=NAME)
    (listening,) = [c for c in service.net_connections("tcp") if c.status == "LISTEN"]
    direct = Api(f"http://127.0.0.1:{listening.laddr.port}/services/workbench", people.token(NAME))
    with closing(direct), kernel(f"{hub.url}/user/{NAME}", token) as running:
        process = wait_for(
            lambda: next(
                (p for p in hub.descendants() if running.id in " ".join(p.cmdline())), None
            )
        )
        it = Scene(hub, started, "", running, service, server, process)
        work(it, direct, postgres)
        ask_everything(it, people)
        yield it
    with postgres.connect() as connection:
        connection.execute("drop table canaries")


def process_of(hub: Running, *words: str, user: str | None = None) -> psutil.Process:
    """The only process of a Workbench with these words in its command line."""
    (found,) = [
        process
        for process in hub.descendants()
        if set(words) <= set(process.cmdline())
        and (user is None or process.environ().get("JUPYTERHUB_USER") == user)
    ]
    return found


def work(scene: Scene, api: Api, postgres: Cluster) -> None:
    """Works with the connection, at the service and in the kernel."""
    config = postgres.config(user="canary_reader", password=RIGHT)
    wrong = config | {"password": WRONG}

    def note(what: str, answer: httpx.Response, *statuses: int) -> httpx.Response:
        assert answer.status_code in statuses, f"{what}: {answer.text}"
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        scene.answers[what] = head.encode() + b"\n" + answer.content
        return answer

    body = {"name": "canary", "connector": "postgres", "description": MARKER, "config": config}
    scene.id = note("create", api.call("POST", "/connections", body), 201).json()["id"]
    note("create twice", api.call("POST", "/connections", body), 409)
    body = {"name": "canary_wrong", "connector": "postgres", "config": wrong}
    refused = note("create wrong", api.call("POST", "/connections", body), 201).json()["id"]
    test = {"connector": "postgres", "config": config}
    tried = note("test", api.call("POST", "/connections/test", test), 200)
    assert tried.json()["ok"], tried.text
    test["config"] = wrong
    tried = note("test wrong", api.call("POST", "/connections/test", test), 200)
    assert tried.json()["code"] == "sign_in_failed", tried.text
    saved = note("test saved", api.call("POST", f"/connections/{scene.id}/test"), 200)
    assert saved.json()["ok"], saved.text
    note("test saved wrong", api.call("POST", f"/connections/{refused}/test"), 200)
    for what, change in {
        "a list": {"password": [CANARY]},
        "an object": {"password": {"text": CANARY}},
        "a NUL": {"password": f"{CANARY}\0"},
        "a wrong port": {"port": CANARY},
        "an option": {"driver_options": {"connect_timeout": CANARY}},
        "an unknown field": {"passwort": CANARY},
    }.items():
        test["config"] = config | change
        note(f"test with {what}", api.call("POST", "/connections/test", test), 400)
        changed = api.call("PATCH", f"/connections/{scene.id}", {"config": config | change})
        note(f"change to {what}", changed, 400)
    bad = f'{{"connector": "postgres", "config": {{"password": "{CANARY}"'.encode()
    answer = api.http.post(f"{api.base}/api/v1/connections/test", content=bad)
    note("cut JSON", answer, 400)
    test["config"] = config | {"database": "absent"}
    note("no such database", api.call("POST", "/connections/test", test), 200)
    test["config"] = config | {"sslmode": "require"}
    note("no TLS", api.call("POST", "/connections/test", test), 200)
    test["config"] = config | {"host": "192.0.2.1", "driver_options": {"connect_timeout": 2}}
    note("no answer", api.call("POST", "/connections/test", test), 200)
    elsewhere = {key: value for key, value in config.items() if key != "password"}
    elsewhere["host"] = "localhost"
    changed = api.call("PATCH", f"/connections/{scene.id}", {"config": elsewhere})
    assert note("lead elsewhere", changed, 400).json()["error"]["code"] == "secret_needed"
    changed = api.call("PATCH", f"/connections/{refused}", {"description": "still wrong"})
    note("change", changed, 200)

    run = scene.kernel.run
    for code in (
        "import wb, os, json\nwb.connections()",
        f"frame = wb.query('canary', \"select *, '{MARKER}' as marker from canaries\").df()\nframe",
        "%load_ext wb_kernels",
        "%sql canary select count(*) from canaries",
        "%%sql canary\nselect * from canaries where id < 3",
        "print(sorted(os.environ.items()))",
    ):
        cell = run(code)
        assert cell.ok, cell.error
    for code, error in (
        ("wb.query('canary_wrong', 'select 1').df()", "refused the user name or the password"),
        ("wb.query('canary', 'select * from absent').df()", "absent"),
        ("wb.query('canary', 'select 1 / (id - 1) from canaries').df()", "zero"),
        ("wb.query('canari', 'select 1')", "canary"),
        ("1 / 0", "ZeroDivisionError"),
    ):
        cell = run(code)
        assert error in f"{cell.error}{cell.text}", cell.outputs
    # A magic prints an expected error as one line to stderr.
    cell = run("%%sql canary_wrong\nselect 1")
    assert "refused the user name or the password" in str(cell.outputs), cell.outputs
    scene.kernel.save("canary.ipynb")
    run_pipeline(scene, api)


def run_pipeline(scene: Scene, api: Api) -> None:
    """Uses the connection in a pipeline: in a worker, and in a notebook in the owner's server."""
    text = (
        "name: canary_pipeline\ntasks:\n"
        "  rows: {type: sql, connection: canary, statement: 'select * from canaries', "
        "into: {artifact: rows}}\n"
        "  report: {type: notebook, needs: [rows], notebook: report.ipynb}\n"
    )
    cell = f"import wb\nwb.query('canary', \"select *, '{MARKER}' as marker from canaries\").df()"
    files = {"report.ipynb": notebook("", cell)}
    made = api.ok("POST", "/pipelines", {"text": text, "files": files})
    started = api.ok("POST", f"/pipelines/{made['id']}/runs", {})
    path = f"/runs/{started['id']}"
    wait_for(lambda: api.ok("GET", path)["state"] not in ("queued", "running"), 90)
    scene.run = api.ok("GET", path)
    assert scene.run["state"] == "succeeded", scene.run["message"]


def address(scene: Scene, route: Endpoint) -> str:
    """An endpoint's path, filled in with objects of the scene."""
    report = scene.run["tasks"][1]["attempts"][0]["id"]
    things = {
        "connections": scene.id,
        "pipelines": scene.run["pipeline_id"],
        "runs": scene.run["id"],
        "attempts": report,
    }
    path = route.path.replace("{id}", things.get(route.room, ""))
    return path.replace("{number}", "1").replace("{task}", "rows").replace("{name}", "rows")


# Required query strings, by the last segment of the path.
QUERIES = {
    "columns": "?table=canaries",
    "file": "?path=report.ipynb",
    "search": "?text=canaries",
    **dict.fromkeys(("definition", "rows", "count"), "?table=canaries"),
}


# Endpoints about things that the scene doesn't have.
ABSENT = {"/query/{id}"}


def ask_everything(scene: Scene, people: People) -> None:
    """Calls every GET endpoint as the owner, directly and through the gateway, and as administrator."""
    for who, api in {
        "owner": people.api(NAME),
        "owner through the gateway": people.gateway(NAME),
        "administrator": people.api("a-admin"),
    }.items():
        with closing(api):
            for route in ROUTES:
                if route.method != "GET" or route.answer == "text/event-stream":
                    continue
                query = QUERIES.get(route.path.rpartition("/")[2], "")
                answer = api.call("GET", f"{address(scene, route)}{query}")
                expected = (403, 404) if route.path in ABSENT else (200, 403)
                assert answer.status_code in expected, answer.text
                whole = answer.content + str(answer.headers).encode()
                scene.answers[f"{who}: {route.path}"] = whole


def test_no_answer_of_the_api_has_it(scene: Scene) -> None:
    asked = {what.partition(": ")[2] for what in scene.answers}
    assert {"/openapi.json", "/audit", "/connections", "/connections/{id}", "/me"} <= asked
    with_marker = set()
    for what, answer in scene.answers.items():
        found = search([answer], NEEDLES)
        assert found <= {"marker"}, f"{what}: {found}"
        if found:
            with_marker.add(what)
    assert {"create", "owner: /connections", "owner: /audit/mine"} <= with_marker


def test_no_log_has_it(scene: Scene) -> None:
    controls = {"kernel": scene.kernel.id.encode(), "service": b"/api/v1/connections/test 200"}
    logs = list((scene.hub.data_dir / "logs").iterdir())
    assert search_file(scene.hub.data_dir / "logs" / "hub.log", SECRETS | controls) == set(controls)
    for path in logs:
        assert search_file(path, SECRETS) == set(), path
    printed = "\n".join(scene.hub.lines).encode()
    assert search([printed], SECRETS | {"ready": b"is ready"}) == {"ready"}


def test_no_file_has_it(scene: Scene) -> None:
    """Searches the data folder with the users' homes, the kernel's files, and whatever any program
    has written to the temporary folder in the meantime."""
    runtime = Path(scene.server.environ()["JUPYTER_RUNTIME_DIR"])
    assert (runtime / f"kernel-{scene.kernel.id}.json").exists()
    assert runtime.is_relative_to("/tmp")
    seen = {
        path.relative_to(scene.hub.data_dir): search_file(path, NEEDLES)
        for path in files_below(scene.hub.data_dir)
    }
    assert {found for found in map(frozenset, seen.values()) if found} == {frozenset({"marker"})}
    kept = {str(path) for path, found in seen.items() if found}
    assert kept >= {f"users/{NAME}/canary.ipynb"}
    assert kept & {"workbench.db", "workbench.db-wal"}
    assert {"master.key", "hub/jupyterhub.sqlite", "logs/hub.log"} <= set(map(str, seen))
    number = 0
    # Skips what is older and not the Workbench's: other programs have many files there.
    for entry in Path("/tmp").iterdir():
        if not entry.name.startswith("wb-") and not _is_newer(entry, scene.started):
            continue
        for path in [entry, *files_below(entry)]:
            if path.is_symlink() or not path.is_file() or not _is_newer(path, scene.started):
                continue
            try:
                found = search_file(path, NEEDLES)
            except OSError:
                continue  # gone, or not readable
            assert found <= {"marker"}, path
            number += 1
    assert number > 3


def files_below(folder: Path) -> Iterator[Path]:
    """The regular files below a folder."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _is_newer(path: Path, moment: float) -> bool:
    try:
        return path.lstat().st_mtime >= moment
    except OSError:
        return False  # gone


def test_no_environment_and_no_command_line_has_it(scene: Scene) -> None:
    read = 0
    for process in psutil.process_iter():
        try:
            lines = [" ".join(process.cmdline()).encode()]
            lines += [Path(f"/proc/{process.pid}/environ").read_bytes()]
        except (psutil.Error, OSError):
            continue
        assert search(lines, SECRETS) == set(), process
        read += 1
    assert read >= len(scene.others())
    own = Path(f"/proc/{scene.kernel_process.pid}/environ").read_bytes()
    assert search([own], {"user": b"JUPYTERHUB_USER=" + NAME.encode()}) == {"user"}


def test_only_the_service_has_it_in_memory(scene: Scene, postgres: Cluster) -> None:
    with postgres.connect() as connection:
        sessions = connection.execute(
            "select count(*) from pg_stat_activity where usename = 'canary_reader'"
        ).fetchone()
    assert sessions and sessions[0] > 0, "the service has no session with this password"
    assert search_memory(scene.service.pid, {"right": RIGHT.encode()}) == {"right"}
    controls = {"route": f"/user/{NAME}".encode(), "kernel": scene.kernel.id.encode()}
    seen = {
        name: search_memory(process.pid, NEEDLES | controls)
        for name, process in scene.others().items()
    }
    for name, found in seen.items():
        assert found <= {"marker", *controls}, f"{name}: {found}"
    assert {"marker", "kernel"} <= seen[label(seen, scene.kernel_process)]
    assert "kernel" in seen[label(seen, scene.server)]
    for word in ("jupyterhub", "configurable-http-proxy"):
        process = next(p for p in scene.others().values() if word in " ".join(p.cmdline()[:6]))
        assert "route" in seen[label(seen, process)], word


def label(names: dict[str, set[str]], process: psutil.Process) -> str:
    """The name of a process in :meth:`Scene.others`."""
    (found,) = [name for name in names if name.startswith(f"{process.pid} ")]
    return found


def test_only_the_service_has_the_master_key(scene: Scene) -> None:
    text = (scene.hub.data_dir / "master.key").read_bytes().strip()
    raw = base64.urlsafe_b64decode(text)
    # The library splits the key: one half signs, the other encrypts.
    key = {"text": text, "raw": raw, "signing": raw[:16], "encryption": raw[16:]}
    key["hex"] = raw.hex().encode()
    assert search_memory(scene.service.pid, key) >= {"signing", "encryption"}
    for name, process in scene.others().items():
        assert search_memory(process.pid, key) == set(), name
        assert search([Path(f"/proc/{process.pid}/environ").read_bytes()], key) == set(), name
    for path in files_below(scene.hub.data_dir):
        if path.name != "master.key":
            assert search_file(path, key) == set(), path
    for what, answer in scene.answers.items():
        assert search([answer], key) == set(), what


def test_the_search_finds_a_secret_in_every_encoding() -> None:
    """Also across the boundary of two chunks."""
    for form, needle in forms(CANARY).items():
        cut = len(needle) // 2
        assert search([b"x" * 99 + needle[:cut], needle[cut:]], {form: needle}) == {form}
    assert base64.b64encode(f"ab{CANARY}z".encode()).find(forms(CANARY)["base64+2"]) > 0
    assert search([b"nothing", b"", b"here"], SECRETS) == set()
