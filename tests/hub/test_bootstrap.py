"""``./wb`` before there is an environment."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.slow

REPO = Path(__file__).resolve().parents[2]
LOCKS = REPO / "deploy" / "locks"


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module, with a temporary repository and state folder."""
    monkeypatch.syspath_prepend(str(REPO / "deploy" / "bootstrap"))
    import steps

    monkeypatch.setattr(steps, "REPO", tmp_path)
    monkeypatch.setattr(steps, "STATE", tmp_path / ".wb")
    return steps


def wb(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(REPO / "wb"), *args], capture_output=True, text=True, check=False, cwd="/"
    )


def test_help_needs_no_environment() -> None:
    done = wb("help")
    assert done.returncode == 0
    for command in ("up", "test", "lint", "bench", "generate", "config", "migrate"):
        assert re.search(rf"^  {command}\b", done.stdout, re.MULTILINE), command
    assert wb().stdout == done.stdout


def test_unknown_command() -> None:
    done = wb("upp")
    assert done.returncode == 2
    assert "no command 'upp'" in done.stderr
    assert "Usage" in done.stderr


def test_without_a_suitable_python(tmp_path: Path) -> None:
    for tool in ("readlink", "dirname"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    done = subprocess.run(
        ["/bin/sh", str(REPO / "wb"), "up"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(tmp_path)},
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Python 3.11 or newer is needed" in done.stderr


def test_through_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "wb").symlink_to(REPO / "wb")
    done = subprocess.run([str(tmp_path / "wb"), "help"], capture_output=True, check=False)
    assert done.returncode == 0


def test_no_third_party_binaries_in_the_repository() -> None:
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPO, capture_output=True, text=True, check=True
    ).stdout
    binary = (
        ".whl",
        ".egg",
        ".jar",
        ".so",
        ".dll",
        ".exe",
        ".node",
        ".wasm",
        ".zip",
        ".gz",
        ".pyc",
    )
    assert "wb\0" in files
    assert [name for name in files.split("\0") if name.endswith(binary)] == []


@pytest.mark.parametrize("name", ["installer", "build", "runtime", "dev"])
def test_locks_have_hashes_and_no_addresses(name: str) -> None:
    text = (LOCKS / f"{name}.txt").read_text()
    assert "://" not in text
    assert not re.search(
        r"^\s*(-i|-f|--index-url|--extra-index-url|--find-links)", text, re.MULTILINE
    )
    for entry in re.split(r"\n(?=[a-z0-9])", text.strip()):
        assert "==" in entry, entry
        assert "--hash=sha256:" in entry, entry


def test_dev_lock_agrees_with_the_runtime_lock() -> None:
    def versions(name: str) -> dict[str, str]:
        text = (LOCKS / f"{name}.txt").read_text()
        return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))

    runtime, dev = versions("runtime"), versions("dev")
    assert {n: dev[n] for n in dev if n in runtime} == {n: runtime[n] for n in dev if n in runtime}


@pytest.mark.parametrize("folder", ["hub", "packages/wb_labext"])
def test_npm_locks_have_hashes_and_no_addresses(folder: str) -> None:
    text = (REPO / folder / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert '"integrity"' in text


def test_a_step_is_redone_when_its_inputs_change(steps: ModuleType) -> None:
    assert not steps.Step("x", "one").done
    with steps.Step("x", "one").doing():
        pass
    assert steps.Step("x", "one").done
    assert not steps.Step("x", "two").done
    assert not steps.Step("x", "one", whole=False).done


def test_a_step_can_be_forgotten(steps: ModuleType) -> None:
    with steps.Step("x", "one").doing():
        pass
    steps.Step("x", "").forget()
    assert not steps.Step("x", "one").done


def test_an_interrupted_step_is_redone(steps: ModuleType) -> None:
    with steps.Step("x", "one").doing():
        pass
    with pytest.raises(KeyboardInterrupt), steps.Step("x", "one").doing():
        raise KeyboardInterrupt
    assert not steps.Step("x", "one").done


def test_digest_depends_on_names_and_contents(steps: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "a").write_text("1")
    before = steps.digest(folder)
    assert steps.digest(folder) == before
    (folder / "a").rename(folder / "b")
    renamed = steps.digest(folder)
    (folder / "b").write_text("2")
    assert len({before, renamed, steps.digest(folder)}) == 3


def test_settings_that_would_misplace_packages_are_dropped(
    steps: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    env = steps.tool_env()
    assert "PIP_TARGET" not in env
    assert "PYTHONPATH" not in env
    assert env["PIP_USER"] == "0"
    assert env["PIP_INDEX_URL"] == "https://mirror.example/simple"


def test_the_extension_bundles_only_its_dependencies_and_jupyterlab() -> None:
    """``./wb up`` builds with ``dependencies`` alone: they have whatever JupyterLab doesn't provide."""
    labext = REPO / "packages" / "wb_labext"
    core = json.loads(
        (labext / "node_modules" / "@jupyterlab" / "core-meta" / "core.package.json").read_text()
    )
    provided = {
        *core["dependencies"],
        *core["resolutions"],
        *core["jupyterlab"]["singletonPackages"],
    }
    bundled = json.loads((labext / "package.json").read_text())["dependencies"]
    used = set()
    for source in (labext / "src").rglob("*.ts*"):
        if "__tests__" not in source.parts:
            found = re.findall(
                r"^(import|export)\s(?!type\b)[^;]*?from '((?:@[^/']+/)?[^./'][^/']*)",
                source.read_text(),
                re.MULTILINE,
            )
            used |= {name for _, name in found}
    assert {"@jupyterlab/application", "yaml"} <= used
    assert used - provided - set(bundled) == set()


@pytest.fixture
def progress(steps: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    import progress

    monkeypatch.setattr(progress, "_stopped", threading.Event())
    monkeypatch.setattr(progress, "_board", progress._Board())
    return progress


def test_a_failing_command_shows_its_last_lines(progress: ModuleType, tmp_path: Path) -> None:
    script = "import sys\nfor i in range(100): print('line', i)\nsys.exit(3)"
    with pytest.raises(progress.StepFailed) as raised:
        progress.run("Trying", [sys.executable, "-c", script], log=tmp_path / "log", env=os.environ)
    text = str(raised.value)
    assert "line 99" in text
    assert "line 50" not in text
    assert "Trying failed" in text
    assert str(tmp_path / "log") in text


def test_an_exit_status_may_be_declared_a_success(progress: ModuleType, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit(1)"]
    progress.run("Trying", command, log=tmp_path / "log", env=os.environ, success=(0, 1))
    with pytest.raises(progress.StepFailed):
        progress.run("Trying", command, log=tmp_path / "log", env=os.environ)


def test_a_failure_ends_the_commands_that_run_in_parallel(
    progress: ModuleType, tmp_path: Path
) -> None:
    """Their children too, and nothing is started afterwards."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = ["sh", "-c", f"exec 3>'{fifo}'; echo up >&3; sleep 600; true"]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(progress.run, "Long", command, log=tmp_path / "log", env=os.environ)
        with fifo.open() as lines:
            assert lines.readline() == "up\n"
            progress.stop()
            with pytest.raises(progress.StepFailed, match="stopped"):
                running.result()
            assert lines.read() == ""  # end of file: no process has the other end open
    with pytest.raises(progress.StepFailed, match="stopped"):
        progress.run("Next", ["touch", str(tmp_path / "next")], log=tmp_path / "log", env={})
    assert not (tmp_path / "next").exists()


def test_the_last_line_shows_the_running_commands(
    progress: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "40")
    board = progress._board
    board.starts("One")
    board.starts("Two of a name too long for this terminal")
    first = screen.getvalue().rpartition("\x1b[K")[2]
    assert "One 0 s · Two" in first
    assert len(first) < 40
    board.moves()
    assert screen.getvalue().rpartition("\x1b[K")[2] != first
    board.ends("One")
    assert "\x1b[K  One 0 s\n" in screen.getvalue()
