"""Pipelines' notebooks behind a real Hub: in their owner's server, which only a worker starts."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from running_hub import REPO, Browser, Running, start_up, until
from support.notebooks import Attempts, notebook, stored

from wb_server.hosts.hub_servers import HubServers
from wb_server.kit.endpoint import HangUp
from wb_server.kit.failure import TaskFailed
from wb_server.pipelines.kernels import driver
from wb_server.pipelines.kernels.remote import ServerKernels

pytestmark = pytest.mark.slow
TOKEN = secrets.token_hex(16)
PID = "import os; print('pid', os.getpid(), flush=True)\n"
FOREVER = PID + "import time\nwhile True: time.sleep(1)"


@pytest.fixture(scope="module")
def small_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A Hub that allows one server for notebooks."""
    env = {"WB_WORKER_TOKEN": TOKEN, "WB_NOTEBOOK_SERVERS": "1"}
    with start_up(tmp_path_factory.mktemp("wb") / "data", env=env) as running:
        yield running


@pytest.fixture
def person(small_hub: Running) -> Iterator[Browser]:
    """The administrator's browser, signed in."""
    assert small_hub.admin_password
    with Browser(small_hub.url) as browser:
        browser.sign_in("admin", small_hub.admin_password)
        yield browser


@pytest.fixture
def servers(small_hub: Running) -> Iterator[HubServers]:
    it = HubServers(f"{small_hub.url}/hub/api", TOKEN, small_hub.url, start_seconds=60)
    yield it
    it.close()


@pytest.fixture
def attempts(servers: HubServers, monkeypatch: pytest.MonkeyPatch) -> Attempts:
    monkeypatch.setattr(driver, "SAVE_SECONDS", 0.1)
    return Attempts(ServerKernels(servers), "admin")


def alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


def pid_in(text: str) -> int | None:
    found = re.search(r"pid (\d+)\\n", text)
    return int(found[1]) if found else None


def test_a_user_can_not_start_a_named_server(small_hub: Running, person: Browser) -> None:
    for name in ("pipelines", "mine"):
        answer = person.api("POST", f"/users/admin/servers/{name}")
        assert answer.status_code == 403, answer.text
        assert "only for pipelines" in answer.text
        assert person.http.get(f"/hub/spawn/admin/{name}").status_code == 403
    # Nor by renaming their default server.
    answer = person.api("PATCH", "/users/admin/servers/", json={"name": "pipelines"})
    assert answer.status_code == 403
    assert person.api("GET", "/users/admin").json()["servers"] == {}
    home = person.http.get("/hub/home")
    assert home.status_code == 200
    assert "server" in home.text.lower()
    assert "Named Servers" not in home.text
    assert "new-server-btn" not in home.text


def test_files_pass_through_the_proxy_unchanged(attempts: Attempts) -> None:
    noise = os.urandom(20 * 2**20 + 1)
    ran = attempts.run(
        "import shutil\n"
        "shutil.copy('inputs/extract/noise.bin', 'outputs/noise.bin')\n"
        "open('outputs/text.csv', 'w').write('a,b\\n' * 100_000)",
        made=[stored("extract", "noise.bin", noise)],
        needs=["extract"],
    )
    kept = {name: Path(str(each.content)).read_bytes() for name, each in ran.artifacts.items()}
    assert kept == {"noise.bin": noise, "text.csv": b"a,b\n" * 100_000}


def test_the_retry_ends_the_kernel_of_a_killed_worker(
    small_hub: Running, attempts: Attempts, tmp_path: Path
) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook(FOREVER, kernel="workbench-python"))
    paths = os.pathsep.join([str(REPO / "tests"), str(REPO / "tests" / "hub")])
    worker = subprocess.Popen(
        [sys.executable, "-m", "notebook_worker", small_hub.url, "admin", str(path)],
        env={**os.environ, "PYTHONPATH": paths, "WORKER_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    with worker.stdout as lines:
        # The first line arrives once the server has started and the cell runs.
        recorded = next(found for line in lines if pid_in((found := json.loads(line))["notebook"]))
        pid = pid_in(recorded["notebook"])
        assert pid is not None
        worker.kill()
        worker.wait(10)
    assert alive(pid)
    look = (
        "import os, wb\n"
        "def there(pid):\n"
        "    try: return open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[0] != 'Z'\n"
        "    except OSError: return False\n"
        f"wb.output('old_is_there', there({pid}))\n"
        "wb.output('server', os.environ['JUPYTERHUB_SERVER_NAME'])\n"
        "wb.output('home', os.environ['HOME'])\n"
        "wb.output('secrets', sorted(n for n in os.environ if n.startswith('WB_') and n != 'WB_PLAIN_KERNEL'))\n"
        "wb.output('attempt', os.environ['WORKBENCH_ATTEMPT'])"
    )
    attempt, recorded_again = attempts.attempt(
        {"n.ipynb": notebook(look, kernel="workbench-python")},
        task_run="killed",
        fence=2,
        earlier=[recorded["kernel"]],
    )
    assert attempts.end(attempt, recorded_again).outputs == {
        "old_is_there": False,
        "server": "pipelines",
        "home": str(small_hub.data_dir / "users" / "admin"),
        "secrets": [],
        "attempt": attempt.id,
    }


def test_the_owner_stops_the_server(person: Browser, attempts: Attempts) -> None:
    attempt, recorded = attempts.attempt({"n.ipynb": notebook(FOREVER)})
    running = attempts.begin(attempt, recorded)
    pid = until(
        lambda: recorded.saves and pid_in(recorded.saves[-1][0].decode()), 60, "the cell runs"
    )
    assert person.api("DELETE", "/users/admin/servers/pipelines").status_code in {202, 204}
    ran = running.ended()
    assert (ran.error.code, ran.error.retry) == ("server_stopped", True)
    assert not alive(pid)
    # The retry restarts it.
    again, recorded = attempts.attempt({"n.ipynb": notebook("import wb; wb.output('x', 1)")})
    assert attempts.end(again, recorded).outputs == {"x": 1}
    assert recorded.lines == ["Starting the owner's notebook server."]


def test_no_server_is_started_for_a_locked_out_user(person: Browser, small_hub: Running) -> None:
    assert person.api("POST", "/users/suspect").status_code == 201
    person.api("POST", "/groups/locked-out")
    assert person.api("POST", "/groups/locked-out/users", json={"users": ["suspect"]}).is_success
    with httpx.Client(
        base_url=f"{small_hub.url}/hub/api",
        headers={"Authorization": f"token {TOKEN}"},
        trust_env=False,
    ) as worker:
        answer = worker.post("/users/suspect/servers/pipelines")
        assert (answer.status_code, "locked out" in answer.text) == (403, True)
    assert person.api("GET", "/users/suspect").json()["servers"] == {}


def test_the_number_of_notebook_servers_is_limited(person: Browser, small_hub: Running) -> None:
    assert person.api("POST", "/users/ben").status_code == 201
    assert person.api("GET", "/users/admin").json()["servers"]["pipelines"]["ready"]
    servers = HubServers(f"{small_hub.url}/hub/api", TOKEN, small_hub.url, start_seconds=1)
    lines: list[str] = []
    with contextlib.closing(servers):
        until_ = time.monotonic() + 60
        for user, code in (("ben", "no_server_free"), ("nobody", "unknown_owner")):
            with pytest.raises(TaskFailed) as raised:
                servers.acquire(
                    user, again=False, deadline=until_, hang_up=HangUp(), log=lines.append
                )
            assert raised.value.code == code
            assert servers.running(user) is None
    assert lines == ["The limit of notebook servers is reached; waiting for one to stop."]
    assert person.api("GET", "/users/ben").json()["servers"] == {}
