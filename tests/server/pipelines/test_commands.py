"""``wb pipeline`` against the service behind the Hub, with the exit statuses that scripts check."""

from __future__ import annotations

import json
import uuid
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


def test_without_an_address_it_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in ("WORKBENCH_URL", "WORKBENCH_TOKEN", "JUPYTERHUB_API_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    status, _, err = wb(capsys, "list")
    assert status == 2
    assert "WORKBENCH_URL" in err
