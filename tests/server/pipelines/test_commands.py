"""``wb pipeline`` against the service behind the Hub, with the exit statuses that scripts check."""

from __future__ import annotations

import io
import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.people import People

from wb_server import cli

GOOD = """name: {name}
parameters:
  n: {{type: integer, default: 2}}
  word: {{type: text, default: a}}
tasks:
  count: {{type: sql, connection: sample, statement: "select count(*) as c, {{{{ params.n }}}} as n, {{{{ params.word }}}} as w from customers"}}
"""


@pytest.fixture
def name(people: People, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new pipeline's name; the environment is that of an analyst's script."""
    monkeypatch.setenv("WORKBENCH_URL", f"{people.url}/services/workbench")
    monkeypatch.setenv("WORKBENCH_TOKEN", people.token("a-analyst"))
    return f"c_{uuid.uuid4().hex[:10]}"


def wb(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """A command's status, output and errors."""
    capsys.readouterr()
    status = cli.main(["pipeline", *words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_file_is_checked_saved_run_and_its_log_read(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.pipeline.yaml"
    path.write_text(GOOD.format(name=name))
    (tmp_path / "helper.py").write_text("x = 1\n")
    assert wb(capsys, "validate", str(path))[:2] == (0, f"{path}: no problems found\n")
    assert wb(capsys, "save", str(path))[:2] == (0, f"{name}: version 1 with 1 files\n")
    assert wb(capsys, "save", str(path), "--note", "again")[1].startswith(f"{name}: version 2")
    status, out, err = wb(capsys, "run", name, "-p", "n=5", "-p", "word=5")
    run = out.strip()
    assert status == 0
    assert err.endswith("succeeded\n")
    assert "count#1" in wb(capsys, "logs", run, "--follow")[1]
    status, out, _ = wb(capsys, "list", name, "--json")
    assert [item["id"] for item in json.loads(out)] == [run]
    assert name in wb(capsys, "list")[1]
    assert wb(capsys, "cancel", run)[0] == 2  # it has ended
    first = wb(capsys, "run", name, "--key", "k", "--no-wait")[1]
    assert wb(capsys, "run", name, "--key", "k", "--no-wait")[1] == first


def test_a_version_by_somebody_else_is_reviewed_and_approved(
    name: str,
    people: People,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "a.pipeline.yaml"
    path.write_text(GOOD.format(name=name))
    (tmp_path / "helper.py").write_text("x = 1\n")
    assert wb(capsys, "save", str(path))[0] == 0
    admin = people.api("a-admin")
    made = admin.ok("GET", f"/pipelines/{name}")
    admin.ok("POST", f"/pipelines/{made['id']}/owner", {"kind": "user", "name": "a-engineer"})
    monkeypatch.setenv("WORKBENCH_TOKEN", people.token("a-admin"))
    status, _, err = wb(capsys, "approve", name, "1")
    assert (status, "Only its owner" in err) == (2, True)
    monkeypatch.setenv("WORKBENCH_TOKEN", people.token("a-engineer"))
    listed = next(line for line in wb(capsys, "list")[1].splitlines() if name in line)
    assert "waits for approval" in listed
    status, _, err = wb(capsys, "run", name)
    assert (status, "did not approve" in err) == (2, True)
    status, out, err = wb(capsys, "show", name)
    assert (status, out) == (0, GOOD.format(name=name))
    assert (
        f"version 1 by a-analyst waits for the approval of a-engineer: ./wb pipeline approve {name} 1"
        in err
    )
    assert "with helper.py (SHA-256 " in err
    assert wb(capsys, "show", name, "--file", "helper.py")[:2] == (0, "x = 1\n")
    assert wb(capsys, "show", name, "--file", "other.py")[0] == 2
    assert wb(capsys, "approve", name, "1")[:2] == (
        0,
        f"{name}: version 1 is approved and runs from now on\n",
    )
    assert wb(capsys, "show", name, "--version", "1")[2].startswith("version 1 by a-analyst runs\n")
    assert wb(capsys, "run", name)[0] == 0
    admin.close()


def test_mistakes_and_failures_have_an_exit_status(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.pipeline.yaml"
    path.write_text(f"name: {name}\ntasks:\n  a: {{type: sql, connection: sample}}\n  b: {{}}\n")
    status, out, _ = wb(capsys, "validate", str(path))
    assert status == 1
    assert len(out.splitlines()) >= 2
    assert all(line.startswith(f"{path}:") for line in out.splitlines())
    status, _, err = wb(capsys, "save", str(path))
    assert status == 2
    assert f"{path}:3:" in err
    path.write_text(GOOD.format(name=name).replace("from customers", "from nowhere"))
    assert wb(capsys, "save", str(path))[0] == 0
    status, _, err = wb(capsys, "run", name)
    assert status == 1
    assert "failed" in err
    status, _, err = wb(capsys, "run", name, "-p", "n=five")
    assert status == 2
    assert "n:" in err
    assert wb(capsys, "run", "no_such_pipeline")[0] == 2
    assert wb(capsys, "run", name, "-p", "novalue")[0] == 2
    assert wb(capsys, "logs", str(uuid.uuid4()))[0] == 2


def test_a_run_is_shown_repeated_and_its_files_downloaded(
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.pipeline.yaml"
    text = GOOD.format(name=name)
    broken = text.replace("from customers", "from nowhere").replace(
        "tasks:\n",
        'tasks:\n  one: {type: sql, connection: sample, statement: "select 1 as x", into: {artifact: x.parquet}}\n',
    )
    path.write_text(broken)
    assert wb(capsys, "save", str(path))[0] == 0
    status, out, _ = wb(capsys, "run", name, "--date", "2024-02-29", "-p", "n=7")
    assert status == 1
    failed = out.strip()
    assert wb(capsys, "rerun", f"{name}#1", "--failed")[0] == 1
    path.write_text(broken.replace("from nowhere", "from customers"))
    assert wb(capsys, "save", str(path))[1].startswith(f"{name}: version 2")
    status, out, err = wb(capsys, "rerun", f"{name}#1", "--failed", "--current")
    assert (status, err.splitlines()[-1]) == (0, "succeeded")
    status, shown, _ = wb(capsys, "show", f"{name}#3")
    assert status == 0
    assert shown == wb(capsys, "show", out.strip())[1]
    lines = shown.splitlines()
    assert lines[0] == f"{name}#3, version 2: succeeded"
    assert lines[1].startswith("for 2024-02-29, rerun by a-analyst")
    assert "n = 7" in lines
    status, out, _ = wb(capsys, "artifact", f"{name}#3")
    assert out.startswith("one.x.parquet  ")
    assert wb(capsys, "artifact", f"{name}#3", "one.x.parquet")[0] == 0
    assert (tmp_path / "x.parquet").read_bytes()[:4] == b"PAR1"
    status, _, err = wb(capsys, "artifact", f"{name}#3", "one.x.parquet")
    assert (status, "exists already" in err) == (2, True)
    assert wb(capsys, "artifact", f"{name}#3", "one.x.parquet", "-o", "y.parquet")[0] == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "a.pipeline.yaml", "x.parquet", "y.parquet",
    ]  # fmt: skip
    status, _, err = wb(capsys, "artifact", failed, "one.z")
    assert (status, "It has: one.x.parquet." in err) == (2, True)
    status, _, err = wb(capsys, "notebook", failed)
    assert (status, "no such executed notebook" in err) == (2, True)
    assert wb(capsys, "rerun", f"{name}#1", "--task", "one")[0] == 0
    status, out, _ = wb(capsys, "runs", "--state", "failed", "--json")
    assert [each["number"] for each in json.loads(out) if each["pipeline"] == name] == [2, 1]
    listed = wb(capsys, "list", name)[1]
    assert [line.split()[0] for line in listed.splitlines()[1:]] == [
        f"{name}#{number}" for number in (4, 3, 2, 1)
    ]
    for wrong in (f"{name}#9", f"{name}#x", "#1", "nothing#1"):
        assert wb(capsys, "logs", wrong)[0] == 2
    assert wb(capsys, "run", name, "--date", "tomorrow")[0] == 2


def test_a_schedule_is_paused_and_a_pipeline_deleted_and_restored(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.pipeline.yaml"
    path.write_text(GOOD.format(name=name) + "schedule: {cron: '0 6 * * *'}\nsla: 1h\n")
    status, _, err = wb(capsys, "save", str(path))
    assert (status, err) == (
        0, f"{path}:8:1: warning: sla has no effect yet: nothing watches how late a run ends.\n",
    )  # fmt: skip
    assert "warning: sla" in wb(capsys, "validate", str(path))[1]
    assert wb(capsys, "pause", name)[1].startswith(f"{name}: paused")
    listed = next(line for line in wb(capsys, "list")[1].splitlines() if name in line)
    assert listed.split()[1:3] == ["–", "paused"]
    assert wb(capsys, "resume", name)[1].startswith(f"{name}: next run 2")
    status, out, _ = wb(capsys, "delete", name)
    assert (status, out.startswith(f"{name}: deleted")) == (0, True)
    assert wb(capsys, "show", name)[0] == 2
    assert wb(capsys, "restore", name)[:2] == (0, f"{name}: restored\n")
    assert wb(capsys, "restore", name)[0] == 2
    assert wb(capsys, "delete", name)[0] == 0


def test_files_of_the_folder_are_listed_and_asked_for(
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "a.pipeline.yaml"
    path.write_text(GOOD.format(name=name))
    (tmp_path / "helper.py").write_text("x = 1\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    status, _, err = wb(capsys, "save", str(path))
    assert (status, err.splitlines()[0]) == (2, "+ helper.py  6 bytes")
    assert "in your home" in err
    assert wb(capsys, "show", name)[0] == 2
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert wb(capsys, "save", str(path))[0] == 2
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert wb(capsys, "save", str(path))[:2] == (0, f"{name}: version 1 with 1 files\n")
    monkeypatch.setattr("sys.stdin", Terminal(""))
    # What the newest version has already isn't asked for again.
    assert wb(capsys, "save", str(path))[0] == 0
    (tmp_path / "more.sql").write_text("select 1\n")
    assert wb(capsys, "save", str(path))[0] == 2
    assert wb(capsys, "save", str(path), "--yes")[1] == f"{name}: version 3 with 2 files\n"


class Terminal(io.StringIO):
    """What somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (502, "text/html", b"<html>Bad Gateway</html>"),
        (200, "text/html", b"<html>Sign in</html>"),
        (500, "application/json", b'{"error": "boom"}'),
        (500, "application/json", b'{"error": null}'),
        (403, "application/json", b"[]"),
        (302, "text/html", b""),
    ],
)
def test_what_is_no_workbench_is_a_line(
    status: int,
    kind: str,
    body: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("WORKBENCH_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("WORKBENCH_TOKEN", "t")
        for words in (["list"], ["show", "a", "--file", "b"], ["logs", "a"]):
            code, _, err = wb(capsys, *words)
            assert code == 2
            assert err.startswith("wb: 127.0.0.1 answered with status ")
            assert err.count("\n") == 1
        server.shutdown()
        thread.join()
    code, _, err = wb(capsys, "show", "a", "--file", "b")  # now nobody listens there
    assert (code, err.startswith("wb: The Workbench does not answer: ")) == (2, True)


@pytest.mark.parametrize("url", ["http://[", "nonsense", "ftp://x.example.org"])
def test_a_wrong_address_is_a_line(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_URL", url)
    monkeypatch.setenv("WORKBENCH_TOKEN", "tökén")
    code, _, err = wb(capsys, "list")
    assert (code, err.count("\n")) == (2, 1)


def test_without_an_address_it_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in ("WORKBENCH_URL", "WORKBENCH_TOKEN", "JUPYTERHUB_API_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    status, _, err = wb(capsys, "list")
    assert status == 2
    assert "WORKBENCH_URL" in err
