"""Kernels of attempts in a user's Jupyter server: its endpoints, and the driver that uses them."""

from __future__ import annotations

import io
import re
import signal
import tarfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from support.notebook_server import NotebookServer, notebook_server
from support.notebooks import Attempts, notebook, stored
from support.wait import wait_for

from wb_server.kit.snapshot import pack
from wb_server.pipelines.kernels import driver
from wb_server.pipelines.kernels.remote import ServerKernels

pytestmark = pytest.mark.slow
PID = "import os; print('pid', os.getpid(), flush=True)\n"
FOREVER = PID + "import time\nwhile True: time.sleep(1)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotebookServer]:
    with notebook_server(tmp_path_factory.mktemp("nb")) as it:
        yield it


@pytest.fixture
def attempts(server: NotebookServer) -> Attempts:
    return Attempts(ServerKernels(server))


@pytest.fixture(autouse=True)
def frequent_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves are frequent enough to wait for."""
    monkeypatch.setattr(driver, "SAVE_SECONDS", 0.1)


def pid_in(recorded: Any) -> Callable[[], int | None]:
    """The kernel's process id, as printed in its notebook."""

    def look() -> int | None:
        for content, _ in reversed(recorded.saves):
            if found := re.search(r"pid (\d+)\\n", content.decode()):
                return int(found[1])
        return None

    return look


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def post(
    server: NotebookServer,
    attempt: str,
    task_run: str,
    fence: Any,
    body: bytes | None = None,
    **more: Any,
) -> httpx.Response:
    headers = {
        "Workbench-Task-Run": task_run,
        "Workbench-Fence": str(fence),
        "Workbench-Kernel": "python3",
    }
    content = pack({"data.csv": b"a\n"}) if body is None else body
    with server.http as http:
        return http.post(f"/workbench/attempts/{attempt}", content=content, headers=headers | more)


def delete(server: NotebookServer, attempt: str) -> int:
    with server.http as http:
        return http.delete(f"/workbench/attempts/{attempt}", params={"now": "1"}).status_code


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# --- the endpoints ------------------------------------------------------------------------------


def test_an_attempt_is_created_listed_and_deleted(server: NotebookServer) -> None:
    made = post(server, "a1", "t1", 3)
    assert made.status_code == 201, made.text
    folder = Path(made.json()["folder"])
    assert (folder / "data.csv").read_bytes() == b"a\n"
    assert folder.stat().st_mode & 0o777 == 0o700
    (listed,) = server.attempts()
    assert listed | {"kernel_id": ""} == {
        "attempt": "a1",
        "task_run": "t1",
        "fence": 3,
        "kernel_id": "",
        "alive": True,
        "exit_status": None,
    }
    with server.http as http:
        kernels = http.get("/api/kernels").json()
        assert listed["kernel_id"] in {each["id"] for each in kernels}
        assert http.get("/workbench/attempts/a1").json() == listed
        assert code(http.get("/workbench/attempts/a2")) == (404, "unknown_attempt")
    # An older attempt, another one of the same fence, and the same again.
    assert code(post(server, "a0", "t1", 2)) == (409, "stale_fence")
    assert code(post(server, "a2", "t1", 3)) == (409, "attempt_exists")
    assert code(post(server, "a1", "t1", 4)) == (409, "attempt_exists")
    assert [each["attempt"] for each in server.attempts()] == ["a1"]
    assert delete(server, "a1") == 200
    assert delete(server, "a1") == 404
    assert server.attempts() == []
    assert not folder.exists()
    # The newest fence is remembered.
    assert code(post(server, "a0", "t1", 2)) == (409, "stale_fence")


def test_a_newer_attempt_ends_the_older_one_first(server: NotebookServer) -> None:
    assert post(server, "b1", "t2", 1).status_code == 201
    assert post(server, "c1", "t3", 1).status_code == 201
    # Only direct children: a starting kernel has some of its own, which soon end.
    own = psutil.Process(server.process.pid)
    before = {each.pid for each in own.children()}
    assert post(server, "b2", "t2", 2).status_code == 201
    after = {each.pid for each in own.children()}
    assert len(before - after) == 1
    assert {each["attempt"] for each in server.attempts()} == {"c1", "b2"}
    assert (delete(server, "c1"), delete(server, "b2")) == (200, 200)


@pytest.mark.parametrize(
    ("attempt", "fence", "more"),
    [
        ("x" * 65, 1, {}),
        ("a%20b", 1, {}),
        ("d1", "x", {}),
        ("d1", -1, {}),
        ("d1", "", {}),
        ("d1", 1, {"Workbench-Task-Run": "../t"}),
        ("d1", 1, {"Workbench-Kernel": "../x"}),
        ("d1", 1, {"Workbench-Folder": "../x"}),
        ("d1", 1, {"Workbench-Folder": "a/%2e%2e/b"}),
        ("d1", 1, {"Workbench-Folder": "/tmp"}),
    ],
)
def test_an_invalid_request_is_refused(
    server: NotebookServer, attempt: str, fence: Any, more: dict[str, str]
) -> None:
    assert code(post(server, attempt, "t4", fence, **more)) == (400, "invalid_field")
    assert server.attempts() == []


def test_a_bad_snapshot_or_an_unknown_kernel_is_refused(server: NotebookServer) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    folders = list(Path(server.log.parent, "tmp").glob("wb-attempts-*/*/*"))
    assert code(post(server, "e1", "t5", 1, buffer.getvalue())) == (400, "bad_snapshot")
    assert code(post(server, "e1", "t5", 1, b"x" * 65 * 2**20)) == (413, "snapshot_too_large")
    assert code(post(server, "e1", "t5", 1, **{"Workbench-Folder": "none"})) == (
        400,
        "bad_snapshot",
    )
    refused = post(server, "e1", "t5", 1, **{"Workbench-Kernel": "cobol"})
    assert code(refused) == (422, "unknown_kernel")
    assert "workbench-python" in refused.json()["error"]["details"]["known"]
    assert server.attempts() == []
    left = list(Path(server.log.parent, "tmp").glob("wb-attempts-*/*/*"))
    assert len(left) <= len(folders)
    assert post(server, "e1", "t5", 1).status_code == 201
    assert delete(server, "e1") == 200


@pytest.mark.parametrize("token", ["", "token wrong"])
def test_the_endpoints_need_a_token(server: NotebookServer, token: str) -> None:
    headers = {"Authorization": token} if token else {}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as http:
        for answer in (
            http.get("/workbench/attempts"),
            http.get("/workbench/attempts/a1"),
            http.post("/workbench/attempts/a1", content=pack({})),
            http.delete("/workbench/attempts/a1"),
        ):
            assert code(answer) in {(401, "not_signed_in"), (403, "not_signed_in")}


# --- the driver ---------------------------------------------------------------------------------


def test_each_notebook_gets_a_spare_kernel_of_its_own(
    server: NotebookServer, attempts: Attempts
) -> None:
    cell = (
        f"{PID}import wb, os, lib.helper\n"
        "wb.output('is', [os.environ['WORKBENCH_ATTEMPT'], os.getcwd(), lib.helper.X, len(In)])"
    )
    files = {"n.ipynb": notebook(cell), "lib/helper.py": b"X = 41\n"}
    pids, folders = [], []
    for _ in range(3):
        attempt, recorded = attempts.attempt(files)
        ran = attempts.end(attempt, recorded)
        attempt_id, folder, helper, history = ran.outputs["is"]
        # The spare kernel knows its attempt and its folder, and nothing else.
        assert (attempt_id, helper, history) == (attempt.id, 41, 2)
        pids.append(pid_in(recorded)())
        folders.append(folder)
        # The next attempt gets the spare: the kernel that is left when this one has ended.
        wait_for(
            lambda: (
                [each for each in server.kernels() if each.pid != pids[-1]] and not alive(pids[-1])
            )
        )
        assert server.attempts() == []
    assert len(set(pids)) == len(set(folders)) == 3
    # Each is used once: the spare that waits now has run nothing.
    assert len([each for each in server.kernels() if each.pid in pids]) == 0


def test_a_retry_starts_after_the_older_kernel_has_ended(attempts: Attempts) -> None:
    old, recorded = attempts.attempt({"n.ipynb": notebook(FOREVER)}, task_run="r1", fence=1)
    running = attempts.begin(old, recorded)
    pid = wait_for(pid_in(recorded))
    look = (
        "import os, wb\n"
        "def there(pid):\n"
        "    try: return open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[0] != 'Z'\n"
        "    except OSError: return False\n"
        f"wb.output('old_is_there', there({pid}))"
    )
    new, recorded_too = attempts.attempt(
        {"n.ipynb": notebook(look)}, task_run="r1", fence=2, earlier=recorded.kernels
    )
    assert attempts.end(new, recorded_too).outputs == {"old_is_there": False}
    # The driver of the older one gets an error, and can't start it again.
    error = running.ended().error
    assert (error.code, error.message) == (
        "kernel_died",
        "Someone else stopped the notebook's kernel.",
    )
    again, recorded_again = attempts.attempt({"n.ipynb": notebook("1")}, task_run="r1", fence=1)
    error = attempts.end(again, recorded_again).error
    assert (error.code, error.retry) == ("stale_fence", False)


def test_a_kernel_that_dies_fails_the_task(attempts: Attempts) -> None:
    ran = attempts.run("x = 1", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert ran.error.code == "kernel_died"
    assert "ran out of memory" in ran.error.message
    assert ran.error.details["cell"] == 2


def test_a_running_notebook_is_stopped(attempts: Attempts) -> None:
    attempt, recorded = attempts.attempt({"n.ipynb": notebook(FOREVER)})
    running = attempts.begin(attempt, recorded)
    pid = wait_for(pid_in(recorded))
    attempt.hang_up.now()
    assert running.ended().error.code == "stopped"
    assert not alive(pid)
    assert recorded.last.cells[0].outputs[-1].ename == "KeyboardInterrupt"


def test_no_output_is_lost_however_many_there_are(attempts: Attempts) -> None:
    cell = (
        "import wb, logging, sys\n"
        "logging.basicConfig(stream=sys.stderr, level=logging.INFO)\n"
        "for n in range(3000): logging.info('row %s', n)\n"
        "for n in range(3000): display(n)\n"
        "wb.output('after', 'them')\n"
        "raise SystemError('at the end')"
    )
    ran = attempts.run(cell)
    assert ran.error.message == "Cell 1 of 1 failed: SystemError: at the end"
    expected = [f"INFO:root:row {n}" for n in range(3000)]
    assert ran.recorded.text().splitlines() == expected
    assert ran.recorded.logged[1:3001] == expected
    printed, *displays, shown, error = ran.recorded.last.cells[0].outputs
    assert [out.data["text/plain"] for out in displays] == [str(n) for n in range(3000)]
    assert (printed.name, shown.data["text/plain"]) == ("stderr", "after = 'them'")
    assert error.ename == "SystemError"


def test_a_flood_of_output_is_read_with_bounded_memory(
    server: NotebookServer, attempts: Attempts
) -> None:
    attempts.run("1")
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    cell = "for n in range(300): print('x' * 1_000_000)\nprint('end')"
    ran = attempts.run(cell)
    assert ran.outputs == {}
    assert ran.recorded.text().endswith("x\nend\n")
    assert len(ran.recorded.saves[-1][0]) < 12 * 2**20
    assert process.memory_info().rss - before < 150 * 2**20


def test_a_large_output_is_left_out(attempts: Attempts) -> None:
    cell = "from IPython.display import HTML, display\ndisplay(HTML('x' * 70_000_000))\nprint('on')"
    ran = attempts.run(cell)
    assert ran.outputs == {}
    assert re.fullmatch(r"\[An output of 66 MiB was left out\. .*\]\non\n", ran.recorded.text())


def test_a_notebook_runs_in_its_own_folder(attempts: Attempts) -> None:
    cell = (
        "import helper, os, wb\n"
        "open('outputs/made.txt', 'w').write(open('inputs/extract/rows.txt').read())\n"
        "wb.output('is', [helper.WHOSE, open('../top.txt').read(), os.path.basename(os.getcwd())])"
    )
    files = {
        "monthly runs/Bericht ü.ipynb": notebook(cell),
        "monthly runs/helper.py": b"WHOSE = 'its own'",
        "helper.py": b"WHOSE = 'of the folder above'",
        "top.txt": b"top",
        # Left over from trying it by hand.
        "monthly runs/outputs/old.txt": b"old",
    }
    # The first may start a kernel, the second gets the spare one.
    for _ in range(2):
        attempt, recorded = attempts.attempt(files)
        recorded.made = [stored("extract", "rows.txt", b"rows")]
        ran = attempts.end(
            attempt, recorded, notebook="monthly runs/Bericht ü.ipynb", needs=["extract"]
        )
        assert ran.outputs == {"is": ["its own", "top", "monthly runs"]}
        assert set(ran.artifacts) == {"made.txt"}


# --- when the server ends -----------------------------------------------------------------------


def test_a_server_that_is_stopped_ends_its_attempts(tmp_path: Path) -> None:
    with notebook_server(tmp_path) as server:
        attempts = Attempts(ServerKernels(server))
        attempt, recorded = attempts.attempt({"n.ipynb": notebook(FOREVER)})
        running = attempts.begin(attempt, recorded)
        pid = wait_for(pid_in(recorded))
        server.stop()
        ran = running.ended()
        assert (ran.error.code, ran.error.retry) == ("server_stopped", True)
        assert "was stopped while this notebook ran" in recorded.last.cells[0].outputs[-1].evalue
        assert not alive(pid)
    assert list(tmp_path.glob("tmp/wb-attempts-*/*")) == []
    # A kernel of a server that is gone is gone too.
    attempt, recorded = attempts.attempt({"n.ipynb": notebook("1")}, earlier=recorded.kernels)
    assert attempts.end(attempt, recorded).error.code == "server_stopped"


def test_the_next_server_cleans_up_after_a_killed_one(tmp_path: Path) -> None:
    cell = (
        "import subprocess, sys\n"
        "own = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        " start_new_session=True)\n"
        f"print('own', own.pid)\n{FOREVER}"
    )
    with notebook_server(tmp_path) as server:
        attempts = Attempts(ServerKernels(server))
        attempt, recorded = attempts.attempt({"n.ipynb": notebook(cell)})
        running = attempts.begin(attempt, recorded)
        pid = wait_for(pid_in(recorded))
        own = int(re.findall(r"own (\d+)", recorded.saves[-1][0].decode())[0])
        server.stop(signal.SIGKILL)
        assert running.ended().error.code == "server_stopped"
    assert alive(own)
    with notebook_server(tmp_path) as server:
        assert post(server, uuid.uuid4().hex, "t", 1).status_code == 201
        assert not alive(pid)
        wait_for(lambda: not alive(own))
        assert len(list(tmp_path.glob("tmp/wb-attempts-*/*"))) == 1
