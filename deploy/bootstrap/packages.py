"""The Python packages of ``.wb/env``: pinned by ``deploy/locks``, installed by uv with every hash checked."""

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
# Debian 12's Python: some packages require 3.11.5, and would be chosen for a newer one.
_OLDEST = "3.11.2"
_LOCKED = ("--python", str(PYTHON), "--require-hashes", "--no-build-isolation")


def _cache() -> dict[str, str]:
    """A cache on the environment's disk: uv links unpacked files into the environment."""
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
    """Installs what everything else needs: uv and pip, then node and the build tools of source packages."""
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
    """Makes the environment match the locks: installs what is missing, removes what isn't locked."""
    step = Step("packages", digest(*_locks(dev), python))
    if step.done:
        return
    with step.doing():
        Step("projects", "").forget()  # no lock has them, so the sync removes them
        _uv(step, "Python packages", "sync", *_LOCKED, *map(str, _locks(dev)))


def compile_bytecode(python: str, *, dev: bool) -> None:
    """Compiles all packages at once on all cores, instead of each on one at its first import."""
    step = Step("bytecode", digest(*_locks(dev), python))
    if step.done:
        return
    command = [str(PYTHON), "-I", "-m", "compileall", "-qq", "-j", "0", "-x", r"/(tests|uv)/"]
    with step.doing():
        # Status 1: packages have files for newer Pythons, and templates that only look like Python.
        run("Compiling", [*command, str(ENV / "lib")], log=step.log, env=tool_env(), success=(0, 1))


def projects(python: str) -> None:
    """Installs the Workbench's own packages in editable mode."""
    # Code is imported in place; data files (extensions, kernels, settings) are copied into the
    # environment.
    copied = [project / name for project in PROJECTS for name in ("etc", "kernelspec", "schema")]
    copied += [LABEXT / "wb_labext" / "labextension", LABEXT / "install.json"]
    made_from = [project / "pyproject.toml" for project in PROJECTS]
    made_from += [path for path in copied if path.exists()]
    step = Step("projects", digest(*made_from, python))
    if step.done:
        return
    options = ["--python", str(PYTHON), "--no-deps", "--no-build-isolation", "--offline"]
    # Always rebuilt: the cache only checks pyproject.toml.
    options += ["--reinstall", "--no-cache"]
    for project in PROJECTS:
        options += ["-e", str(project)]
    with step.doing():
        _uv(step, "The Workbench's own packages", "install", *options)


def compile_locks() -> None:
    """Recompiles ``deploy/locks/*.in``, for all platforms and all Pythons from the oldest supported one.

    Raises:
        StepFailed: No set of versions fits, or an index can't be reached.
    """
    step = Step("lock", "")
    # Other indexes and wheel folders would hide hashes that the public index has.
    alone = {"UV_INDEX": "", "UV_FIND_LINKS": "", "UV_NO_CONFIG": "1"}
    options = ["--universal", "--python-version", _OLDEST, "--fork-strategy", "fewest"]
    options += ["--generate-hashes", "--no-header", "--annotation-style", "line", "--upgrade"]
    for name in ("installer", "build", "runtime", "dev"):
        files = [f"{name}.in", "-o", f"{name}.txt"]
        _uv(step, f"deploy/locks/{name}.txt", "compile", *options, *files, cwd=LOCKS, env=alone)
