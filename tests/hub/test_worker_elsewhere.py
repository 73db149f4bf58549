"""A worker set up as documented, in a folder of its own and as another system user, beside a real Hub."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import redis
from running_hub import Running, start_up
from support.api import Api
from support.people import People, people_of
from support.ports import free_port
from support.postgres import Cluster
from support.site import notebook
from support.wait import wait_for

pytestmark = pytest.mark.slow
TOKEN = "of-the-workers-elsewhere"
# Another system user, who may not be able to run this environment's Python.
NOBODY = 65534
TASKS = 32
CLI = [sys.executable, "-P", "-m", "wb_hub.quick", "wb_server.cli"]


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    port = free_port()
    server = subprocess.Popen(
        [Path(sys.executable).parent / "redis-server", "--port", str(port), "--save", ""],
        stdout=subprocess.DEVNULL,
    )

    def answers() -> bool:
        with contextlib.suppress(redis.RedisError), redis.Redis(port=port) as client:
            return bool(client.ping())
        return False

    wait_for(answers)
    yield f"redis://127.0.0.1:{port}/0"
    server.kill()
    server.wait()


@pytest.fixture(scope="module")
def variables(postgres: Cluster, redis_url: str) -> dict[str, str]:
    """The settings of the installation that aren't defaults."""
    name = f"elsewhere_{uuid.uuid4().hex[:8]}"
    with postgres.connect() as connection:
        connection.execute(f"create database {name}")
    url = postgres.url_of(name).replace("postgresql://", "postgresql+psycopg://")
    return {"WB_DATABASE_URL": url, "WB_REDIS_URL": redis_url, "WB_WORKER_TOKEN": TOKEN}


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, variables: dict[str, str]
) -> Iterator[Running]:
    with start_up(tmp_path_factory.mktemp("wb") / "data", env=variables) as it:
        yield it


@pytest.fixture(scope="module")
def people(running: Running) -> People:
    return people_of(running)


@pytest.fixture(scope="module")
def api(running: Running, people: People, postgres: Cluster) -> Api:
    name = people.add("eve", "engineer")
    it = Api(f"{running.url}/services/workbench", people.token(name))
    it.ok(
        "POST",
        "/connections",
        {"name": "warehouse", "connector": "postgres", "config": postgres.config()},
    )
    folder = running.data_dir / "files" / "sales"
    folder.mkdir()
    (folder / "one.csv").write_text("n\n1\n")
    it.ok(
        "POST",
        "/connections",
        {"name": "sales", "connector": "files", "config": {"folder": str(folder)}},
    )
    return it


def _other_user() -> int:
    with contextlib.suppress(OSError):
        if subprocess.run([sys.executable, "-c", ""], user=NOBODY, cwd="/").returncode == 0:
            return NOBODY
    return os.getuid()


OTHER = _other_user()


def clean(more: Mapping[str, str]) -> dict[str, str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("WB_", "JUPYTERHUB_"))}
    return {**kept, **more}


@pytest.fixture(scope="module")
def printed(running: Running, variables: dict[str, str]) -> dict[str, str]:
    """The settings that the command on the service's machine prints."""
    env = clean({**variables, "WB_DATA_DIR": str(running.data_dir), "WB_ALLOW_LOOPBACK": "1"})
    done = subprocess.run(
        [*CLI, "worker-setup", "--hub", running.url],
        env=env, capture_output=True, text=True, cwd="/",
    )  # fmt: skip
    # All addresses here are this machine's own, and it says so.
    assert done.returncode == 1
    assert "give it a name that other machines know" in done.stderr
    assert "token" not in done.stderr
    shown = subprocess.run(
        ["sh", "-c", "set -a; . ./worker.env; env -0"],
        env={}, cwd=_file(done.stdout), capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    lines = dict(line.split("=", 1) for line in shown.split("\0") if "=" in line)
    return {n: v for n, v in lines.items() if n.startswith(("WB_", "JUPYTERHUB_"))}


def _file(text: str) -> str:
    folder = tempfile.mkdtemp(prefix="wb-env-", dir="/tmp")
    Path(folder, "worker.env").write_text(text)
    return folder


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """The worker's own folder, which belongs to another system user."""
    folder = Path(tempfile.mkdtemp(prefix="wb-elsewhere-", dir="/tmp"))
    os.chown(folder, OTHER, -1)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def settings(printed: dict[str, str], home: Path) -> dict[str, str]:
    """The printed settings, with the key copied and a data folder of its own."""
    key = home / "master.key"
    shutil.copy(printed["WB_KEY_FILE"], key)
    os.chown(key, OTHER, -1)
    key.chmod(0o600)
    return {**printed, "WB_KEY_FILE": str(key), "WB_DATA_DIR": str(home / "data")}


def worker(settings: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [*CLI, "worker"],
            env={**clean(settings), "HOME": str(log.parent)},
            user=OTHER,
            stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip


@pytest.fixture(scope="module")
def elsewhere(settings: dict[str, str], home: Path, api: Api) -> Iterator[int]:
    """The worker's pid."""
    process = worker(settings, home / "worker.log")
    wait_for(lambda: "doesn't run tasks with files" in (home / "worker.log").read_text(), 60)
    assert process.poll() is None
    yield process.pid
    process.terminate()
    assert process.wait(30) == 0


def ended(api: Api, text: str, **files: str) -> dict[str, Any]:
    """Saves and runs a pipeline, and returns the run once it has ended."""
    saved = api.ok("POST", "/pipelines", {"text": text, "files": files})
    run = api.ok("POST", f"/pipelines/{saved['id']}/runs", {})
    wait_for(lambda: api.ok("GET", f"/runs/{run['id']}")["state"] not in ("queued", "running"), 120)
    found: dict[str, Any] = api.ok("GET", f"/runs/{run['id']}")
    return found


def workers_of(run: dict[str, Any]) -> set[int]:
    """The pids of the workers that took part."""
    return {
        int(each["worker"].rsplit("-", 2)[1]) for task in run["tasks"] for each in task["attempts"]
    }


def test_the_worker_has_what_it_needs(printed: dict[str, str], running: Running) -> None:
    assert printed["JUPYTERHUB_API_URL"] == f"{running.url}/hub/api"
    assert printed["JUPYTERHUB_API_TOKEN"] == TOKEN
    answer = httpx.get(
        f"{printed['JUPYTERHUB_API_URL']}/users", headers={"Authorization": f"token {TOKEN}"}
    )
    assert answer.status_code == 200


def test_tasks_run_on_both_workers_and_none_is_lost(api: Api, elsewhere: int) -> None:
    for attempt in range(3):
        tasks = "".join(
            f"  t{n}: {{type: sql, connection: warehouse, "
            f"statement: 'select count(*) from generate_series(1, 2000000)'}}\n"
            for n in range(TASKS)
        )
        run = ended(api, f"name: wide{attempt}\ntasks:\n{tasks}")
        assert run["state"] == "succeeded", run["message"]
        assert {len(task["attempts"]) for task in run["tasks"]} == {1}
        if elsewhere in workers_of(run):
            return
    pytest.fail("the worker elsewhere took no task")


def test_what_it_cannot_run_is_left_to_the_other_worker(
    api: Api, elsewhere: int, running: Running
) -> None:
    run = ended(
        api,
        "name: files\ntasks:\n"
        "  a: {type: sql, connection: warehouse, statement: 'select 1 as n', "
        "into: {artifact: one.parquet}}\n"
        "  b: {type: sql, needs: [a], connection: sales, statement: 'select n from one'}\n"
        "  c: {type: notebook, needs: [a], notebook: n.ipynb}\n",
        **{"n.ipynb": notebook("print(1)")},
    )
    assert run["state"] == "succeeded", run["message"]
    assert elsewhere not in workers_of(run)
    assert [len(task["attempts"]) for task in run["tasks"]] == [1, 1, 1]


def test_a_task_that_no_worker_can_run_says_so(api: Api, elsewhere: int, running: Running) -> None:
    """It waits, and goes on once a worker is there that can."""
    (managed,) = (
        each for each in running.descendants() if each.cmdline()[-2:] == [*CLI[-1:], "worker"]
    )
    managed.suspend()
    try:
        saved = api.ok(
            "POST",
            "/pipelines",
            {
                "text": "name: alone\ntasks:\n  a: {type: sql, connection: warehouse, "
                "statement: 'select 1 as n', into: {artifact: one.parquet}}\n",
                "files": {},
            },
        )
        run = api.ok("POST", f"/pipelines/{saved['id']}/runs", {})["id"]
        wait_for(lambda: api.ok("GET", f"/runs/{run}")["tasks"][0]["waiting"], 40)
        (task,) = api.ok("GET", f"/runs/{run}")["tasks"]
        assert (task["state"], task["attempts"]) == ("queued", [])
        assert "the service's folder of files" in task["waiting"]
    finally:
        managed.resume()
    wait_for(lambda: api.ok("GET", f"/runs/{run}")["state"] == "succeeded", 40)
    assert psutil.pid_exists(elsewhere)


@pytest.mark.parametrize(
    ("without", "named"),
    [
        ("JUPYTERHUB_API_TOKEN", "set JUPYTERHUB_API_TOKEN"),
        ("JUPYTERHUB_API_URL", "set JUPYTERHUB_API_URL"),
        ("WB_REDIS_URL", "set WB_REDIS_URL"),
        ("WB_DATABASE_URL", "set WB_DATABASE_URL"),
        ("WB_KEY_FILE", "set WB_KEY_FILE"),
        ("WB_DATA_DIR", "set WB_DATA_DIR"),
    ],
)
def test_a_worker_that_lacks_something_does_not_start(
    settings: dict[str, str], home: Path, without: str, named: str
) -> None:
    left = {name: value for name, value in settings.items() if name != without}
    if without == "WB_DATA_DIR":
        left["WB_DATA_DIR"] = "/dev/null/workbench"
    log = home / f"{without}.log"
    assert worker(left, log).wait(60) == 2
    assert named in log.read_text()
    assert "worker-setup" in log.read_text()


def test_a_worker_whose_token_the_hub_refuses_does_not_start(
    settings: dict[str, str], home: Path
) -> None:
    log = home / "refused.log"
    assert worker({**settings, "JUPYTERHUB_API_TOKEN": "wrong"}, log).wait(60) == 1
    assert "answers HTTP 403" in log.read_text()
    assert "WB_WORKER_TOKEN" in log.read_text()
