"""Finds any pip, for its one task: installing the pinned uv.

Debian and Ubuntu package ``ensurepip`` separately. So four ways are tried in turn: the wheel bundled with
``ensurepip``; the distribution's wheel, if it is on the disk; the same wheel from the distribution's
package, which apt downloads without root and which needn't be installed; pip itself, from the index that pip
is configured for. The first three come from the distribution, like Python; the last is checked against its
locked hash. pip runs straight from its wheel, without being installed.
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
        lock: Names the version of pip to fetch from an index, and its hashes.
        log: Receives the output of the attempts.

    Raises:
        StepFailed: No way works on this machine.
    """
    installed = [str(PYTHON), "-I", "-m", "pip"]
    if _answers([*installed, "--version"]):
        return installed
    wheel = _on_disk(*_folders()) or _by_apt(log) or _from_index(lock)
    if wheel is None:
        raise StepFailed(
            f"Python has no pip here: there is no ensurepip, no apt-get that can download {_PACKAGE}, and no "
            "configured index that has the locked pip. Install it (apt install python3-venv), or name your "
            "package index: PIP_INDEX_URL=… ./wb up"
        )
    return [str(PYTHON), "-I", str(wheel / "pip")]


def _answers(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, env=tool_env(), timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _folders() -> list[Path]:
    """The folders where ``ensurepip`` finds its wheel: its own and the distribution's."""
    spec = importlib.util.find_spec("ensurepip")
    own = [Path(place, "_bundled") for place in (spec and spec.submodule_search_locations) or ()]
    distribution = sysconfig.get_config_var("WHEEL_PKG_DIR") or "/usr/share/python-wheels"
    return [*own, Path(distribution)]


def _on_disk(*folders: Path) -> Path | None:
    return next((wheel for folder in folders for wheel in folder.glob("pip-*.whl")), None)


def _by_apt(log: Path) -> Path | None:
    """Downloads the package and unpacks it below ``.wb``, with the system's lists or our own newer ones."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return None
    folder = STATE / "apt"
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    newer = ["-o", f"Dir::State::Lists={folder / 'lists'}", "-o", f"Dir::Cache={folder / 'cache'}"]
    # If `apt-get update` never ran, or ran long ago, the system's lists don't lead to the package.
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
