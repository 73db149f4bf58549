"""The Python packages of ``.wb/env``: pinned by ``deploy/locks``, installed by uv, each file's hash checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import first_pip
import index
from progress import run
from steps import ENV, PYTHON, REPO, STATE, Step, digest, tool_env

LOCKS = REPO / "deploy" / "locks"
LABEXT = REPO / "packages" / "wb_labext"
PROJECTS = (
    REPO / "packages" / "wb_server",
    REPO / "packages" / "wb_kernels",
    LABEXT,
    REPO / "hub",
)
# As in Debian 12: some packages ask for 3.11.5, and would be taken with a newer one.
_OLDEST = "3.11.2"
_LOCKED = ("--python", str(PYTHON), "--require-hashes", "--no-build-isolation")


def _cache() -> dict[str, str]:
    """uv links what it has unpacked into the environment, which takes a cache on the same disk."""
    if "UV_CACHE_DIR" in os.environ:
        return {}
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME", "/")) / ".cache")
    cache = base / "uv"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if os.access(cache, os.W_OK | os.X_OK) and cache.stat().st_dev == STATE.stat().st_dev:
            return {}
    except OSError:
        pass
    return {"UV_CACHE_DIR": str(STATE / "cache")}


def _uv(
    step: Step,
    title: str,
    *arguments: str,
    cwd: Path = REPO,
    env: Mapping[str, str] | None = None,
) -> None:
    run(
        title,
        [str(ENV / "bin" / "uv"), "--no-progress", "pip", *arguments],
        log=step.log,
        env=tool_env() | index.for_uv() | _cache() | dict(env or {}),
        cwd=cwd,
    )


def tools(python: str) -> None:
    """What installs and builds everything else: uv and pip, then node and what packages from source ask for."""
    lock = LOCKS / "installer.txt"
    step = Step("installer", digest(lock, python), whole=(ENV / "bin" / "uv").is_file())
    if not step.done:
        with step.doing():
            pip = first_pip.command(lock, step.log)
            options = ["--require-hashes", "--no-deps", "--no-compile", "--progress-bar", "off"]
            run("uv", [*pip, "install", *options, "-r", str(lock)], log=step.log, env=tool_env())
    lock = LOCKS / "build.txt"
    step = Step("build", digest(lock, python), whole=(ENV / "bin" / "node").exists())
    if not step.done:
        with step.doing():
            _uv(step, "Node and build tools", "install", *_LOCKED, "--no-deps", "-r", str(lock))


def _locks(dev: bool) -> list[Path]:
    names = ["installer", "build", "runtime", *(["dev"] if dev else [])]
    return [LOCKS / f"{name}.txt" for name in names]


def sync(python: str, *, dev: bool) -> None:
    """Makes the environment hold what the locks say: what is missing comes, what is too much goes."""
    step = Step("packages", digest(*_locks(dev), python))
    if step.done:
        return
    with step.doing():
        Step("projects", "").forget()  # they are in no lock
        _uv(step, "Python packages", "sync", *_LOCKED, *map(str, _locks(dev)))


def compile_bytecode(python: str, *, dev: bool) -> None:
    """Compiles all packages at once, on all cores: each would be at its first import, on one."""
    step = Step("bytecode", digest(*_locks(dev), python))
    if step.done:
        return
    command = [str(PYTHON), "-I", "-m", "compileall", "-qq", "-j", "0", "-x", r"/(tests|uv)/"]
    with step.doing():
        # Status 1: packages bring files of Pythons to come, and templates that only look like Python.
        run("Compiling", [*command, str(ENV / "lib")], log=step.log, env=tool_env(), well=(0, 1))


def projects(python: str) -> None:
    """Installs the Workbench's own packages, editable."""
    # Code is read from where it lies; data that goes elsewhere in the environment (extensions, kernels,
    # settings) is copied there.
    copied = [project / name for project in PROJECTS for name in ("etc", "kernelspec", "schema")]
    copied += [LABEXT / "wb_labext" / "labextension", LABEXT / "install.json"]
    made_from = [project / "pyproject.toml" for project in PROJECTS]
    made_from += [path for path in copied if path.exists()]
    step = Step("projects", digest(*made_from, python))
    if step.done:
        return
    options = ["--python", str(PYTHON), "--no-deps", "--no-build-isolation", "--offline"]
    # Built anew, whatever the cache has: it only looks at pyproject.toml.
    options += ["--reinstall", "--no-cache"]
    for project in PROJECTS:
        options += ["-e", str(project)]
    with step.doing():
        _uv(step, "The Workbench's own packages", "install", *options)


def compile_locks() -> None:
    """Compiles ``deploy/locks/*.in`` again, for all platforms and Pythons from the oldest supported one.

    Raises:
        StepFailed: No set of versions fits, or an index can't be reached.
    """
    step = Step("lock", "")
    # Other indexes and folders of wheels would hide hashes that the public index has.
    alone = {"UV_INDEX": "", "UV_FIND_LINKS": "", "UV_NO_CONFIG": "1"}
    options = ["--universal", "--python-version", _OLDEST, "--fork-strategy", "fewest"]
    options += ["--generate-hashes", "--no-header", "--annotation-style", "line", "--upgrade"]
    for name in ("installer", "build", "runtime", "dev"):
        files = [f"{name}.in", "-o", f"{name}.txt"]
        _uv(step, f"deploy/locks/{name}.txt", "compile", *options, *files, cwd=LOCKS, env=alone)
