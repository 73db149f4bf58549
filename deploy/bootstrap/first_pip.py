"""Finds a pip, whichever, for its one task: installing the pinned uv.

Debian and Ubuntu split ``ensurepip`` off into a package of its own. So there are four ways, in turn:
the wheel that ``ensurepip`` brings; the one that the distribution has put on the disk for it; the same out of
the distribution's package, which apt fetches for anybody and nobody has to install; pip's own, from the index that
pip is configured for. The first three are of the distribution, as Python is; the last is checked against
its locked hash. A wheel of pip runs as it lies, without being installed.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import index
from progress import StepFailed, run
from steps import PYTHON, STATE, tool_env

_PACKAGE = "python3-pip-whl"


def command(lock: Path, log: Path) -> list[str]:
    """The beginning of a command that runs pip for the environment.

    Args:
        lock: Names the version of pip that an index may be asked for, and its hashes.
        log: Takes what the ways say.

    Raises:
        StepFailed: There is no way on this machine.
    """
    installed = [str(PYTHON), "-I", "-m", "pip"]
    if _answers([*installed, "--version"]):
        return installed
    wheel = _on_disk(*_folders()) or _by_apt(log) or _from_index(lock)
    if wheel is None:
        raise StepFailed(
            f"Python has no pip here: no ensurepip, no apt-get that could fetch {_PACKAGE}, and no index that "
            "pip is configured for and that has the locked one. Install it (apt install python3-venv), or say "
            "where your packages come from: PIP_INDEX_URL=… ./wb up"
        )
    return [str(PYTHON), "-I", str(wheel / "pip")]


def _answers(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, env=tool_env(), timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _folders() -> list[Path]:
    """Where ``ensurepip`` takes its wheel from: its own folder or the distribution's."""
    spec = importlib.util.find_spec("ensurepip")
    own = [Path(place, "_bundled") for place in (spec and spec.submodule_search_locations) or ()]
    distribution = sysconfig.get_config_var("WHEEL_PKG_DIR") or "/usr/share/python-wheels"
    return [*own, Path(distribution)]


def _on_disk(*folders: Path) -> Path | None:
    return next((wheel for folder in folders for wheel in folder.glob("pip-*.whl")), None)


def _by_apt(log: Path) -> Path | None:
    """Fetches and unpacks the package below ``.wb``, by the system's lists or by newer ones of our own."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return None
    folder = STATE / "apt"
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    newer = ["-o", f"Dir::State::Lists={folder / 'lists'}", "-o", f"Dir::Cache={folder / 'cache'}"]
    # Before a first `apt-get update`, and after it long ago, the system's lists don't lead to the package.
    found = (
        _answers(["apt-cache", "show", _PACKAGE])
        and _done("pip, from apt", ["apt-get", "download", _PACKAGE], folder, log)
    ) or (
        _done("apt's lists", ["apt-get", *newer, "update"], folder, log)
        and _done("pip, from apt", ["apt-get", *newer, "download", _PACKAGE], folder, log)
    )
    if not found:
        return None
    package = next(folder.glob(f"{_PACKAGE}_*.deb"), None)
    tree = folder / "tree"
    if package is None or not _done(
        "pip, out of its package", ["dpkg-deb", "-x", str(package), str(tree)], folder, log
    ):
        return None
    return _on_disk(tree / "usr" / "share" / "python-wheels")


def _done(title: str, command: Sequence[str], folder: Path, log: Path) -> bool:
    try:
        run(title, command, log=log, env={**tool_env(), "LC_ALL": "C"}, cwd=folder)
    except StepFailed:
        return False
    return True


def _from_index(lock: Path) -> Path | None:
    found = re.search(r"^pip==(\S+)((?:.*\\\n)*.*)$", lock.read_text(), re.MULTILINE)
    if found is None:
        return None
    hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})", found[2])
    return index.fetch("pip", f"pip-{found[1]}-py3-none-any.whl", hashes, STATE / "pip")
