"""A password goes in once and comes out nowhere.

A login gets a password that stands nowhere else in the world, a connection is made with it, and a
person works with that connection: queries from a kernel, errors, a second connection whose password
is wrong, a saved notebook. Then everything that left the service, lies on disk or is held by another
process is searched for the passwords, written in the ways that a program might write them. The same
search finds them in the service's memory, and finds a marker that is no secret where it should be:
so it isn't blind.

The connection is made directly at the service. A password that a person types into Lab passes the
Hub's proxy and that person's own server on its way; these are told it by the one who knows it.
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
# Letters that look different in JSON, in an address and in base64; and new each time, so that it
# stands in no file of a test.
CANARY = f"Kanari-{secrets.token_hex(4)}!Zt/9+vü=Lw&{secrets.token_hex(4)}"
# Both begin alike, so that one search finds either.
RIGHT, WRONG = f"{CANARY}-right", f"{CANARY}-wrong"
# What is no secret and has to be found.
MARKER = f"marker-{secrets.token_hex(8)}"
SECRETS = forms(CANARY)
NEEDLES = SECRETS | {"marker": MARKER.encode()}


@dataclass
class Scene:
    """What happened, and where its traces may be."""

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
        """Every process of the Workbench except the service, its workers and schedulers."""
        found = {"wb up": psutil.Process(self.hub.pid)}
        for process in self.hub.descendants():
            command = process.cmdline()
            if "wb_server.cli" not in command:
                found[f"{process.pid} {' '.join(command)[-60:]}"] = process
        return found


@pytest.fixture(scope="module")
def scene(hub: Running, people: People, postgres: Cluster) -> Iterator[Scene]:
    """A person's work with a connection, everything that was answered, and all still running."""
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
    """The one process of a Workbench with these words in its command line."""
    (found,) = [
        process
        for process in hub.descendants()
        if set(words) <= set(process.cmdline())
        and (user is None or process.environ().get("JUPYTERHUB_USER") == user)
    ]
    return found


def work(scene: Scene, api: Api, postgres: Cluster) -> None:
    """What a person does with the connection, at the service and in the kernel."""
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
    # An expected error of a magic is a line on its error output.
    cell = run("%%sql canary_wrong\nselect 1")
    assert "refused the user name or the password" in str(cell.outputs), cell.outputs
    scene.kernel.save("canary.ipynb")
    run_pipeline(scene, api)


def run_pipeline(scene: Scene, api: Api) -> None:
    """The same connection in a pipeline: by its worker, and by a notebook in the owner's server."""
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
    """Where an endpoint answers with something of the scene's."""
    report = scene.run["tasks"][1]["attempts"][0]["id"]
    things = {
        "connections": scene.id,
        "pipelines": scene.run["pipeline_id"],
        "runs": scene.run["id"],
        "attempts": report,
    }
    path = route.path.replace("{id}", things.get(route.room, ""))
    return path.replace("{number}", "1").replace("{task}", "rows").replace("{name}", "rows")


# What endpoints need besides, by the end of their path.
QUERIES = {"columns": "?table=canaries", "file": "?path=report.ipynb"}


def ask_everything(scene: Scene, people: People) -> None:
    """All that the API gives, to the owner and to an administrator, on both ways."""
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
                assert answer.status_code in (200, 403), answer.text
                whole = answer.content + str(answer.headers).encode()
                scene.answers[f"{who}: {route.path}"] = whole


def test_no_answer_of_the_api_holds_it(scene: Scene) -> None:
    asked = {what.partition(": ")[2] for what in scene.answers}
    assert {"/openapi.json", "/audit", "/connections", "/connections/{id}", "/me"} <= asked
    with_marker = set()
    for what, answer in scene.answers.items():
        found = search([answer], NEEDLES)
        assert found <= {"marker"}, f"{what}: {found}"
        if found:
            with_marker.add(what)
    assert {"create", "owner: /connections", "owner: /audit/mine"} <= with_marker


def test_no_log_holds_it(scene: Scene) -> None:
    controls = {"kernel": scene.kernel.id.encode(), "service": b"/api/v1/connections/test 200"}
    logs = list((scene.hub.data_dir / "logs").iterdir())
    assert search_file(scene.hub.data_dir / "logs" / "hub.log", SECRETS | controls) == set(controls)
    for path in logs:
        assert search_file(path, SECRETS) == set(), path
    printed = "\n".join(scene.hub.lines).encode()
    assert search([printed], SECRETS | {"ready": b"is ready"}) == {"ready"}


def test_no_file_holds_it(scene: Scene) -> None:
    """In the data folder with the users' homes, among the kernel's own files, and in what any
    program put into the folder for temporary files meanwhile."""
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
    # Other programs have much there: what is older, and not the Workbench's, is left out.
    for entry in Path("/tmp").iterdir():
        if not entry.name.startswith("wb-") and not _is_newer(entry, scene.started):
            continue
        for path in [entry, *files_below(entry)]:
            if path.is_symlink() or not path.is_file() or not _is_newer(path, scene.started):
                continue
            try:
                found = search_file(path, NEEDLES)
            except OSError:
                continue  # gone, or a program's own
            assert found <= {"marker"}, path
            number += 1
    assert number > 3


def files_below(folder: Path) -> Iterator[Path]:
    """The plain files below a folder."""
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


def test_no_environment_and_no_command_line_holds_it(scene: Scene) -> None:
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


def test_only_the_service_holds_it_in_memory(scene: Scene, postgres: Cluster) -> None:
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
    """The name of a process among what :meth:`Scene.others` gives."""
    (found,) = [name for name in names if name.startswith(f"{process.pid} ")]
    return found


def test_only_the_service_holds_the_master_key(scene: Scene) -> None:
    text = (scene.hub.data_dir / "master.key").read_bytes().strip()
    raw = base64.urlsafe_b64decode(text)
    # The library keeps two halves: one signs, one encrypts.
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


def test_the_search_finds_a_secret_however_it_is_written() -> None:
    """And where it lies across the border of two pieces."""
    for form, needle in forms(CANARY).items():
        cut = len(needle) // 2
        assert search([b"x" * 99 + needle[:cut], needle[cut:]], {form: needle}) == {form}
    assert base64.b64encode(f"ab{CANARY}z".encode()).find(forms(CANARY)["base64+2"]) > 0
    assert search([b"nothing", b"", b"here"], SECRETS) == set()
