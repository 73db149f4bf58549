"""The Python environment in ``.wb/env``: created if it is missing, broken, moved or too old."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from progress import StepFailed
from steps import ENV, PYTHON, REPO, STATE

_OLDEST = (3, 11)
_NEEDED_BYTES = 2_500_000_000


def ready() -> str:
    """Version and platform of the environment's Python; creates the environment if needed.

    Raises:
        StepFailed: It can't be created; the text says why.
    """
    return _version() or _make()


def _version() -> str | None:
    probe = (
        "import sys, sysconfig;"
        "print('%d.%d' % sys.version_info[:2], sysconfig.get_platform(), sys.prefix)"
    )
    try:
        answer = subprocess.run(
            [str(PYTHON), "-I", "-c", probe], capture_output=True, text=True, timeout=60, check=True
        ).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return None
    # After the folder was moved or copied, every script in bin/ still names its old path.
    if len(answer) != 3 or Path(answer[2]) != ENV or not _at_home():
        return None
    major, minor = answer[0].split(".")
    return None if (int(major), int(minor)) < _OLDEST else " ".join(answer[:2])


def _at_home() -> bool:
    home = STATE / "home"
    return home.is_file() and home.read_text() == str(ENV)


def _make() -> str:
    try:
        import ssl  # noqa: F401  nothing can be downloaded without it
        import venv
    except ImportError as error:
        raise StepFailed(
            f"{sys.executable} lacks the module {error.name}. Install Python's standard library: "
            "apt install python3 python3-venv"
        ) from None
    free = shutil.disk_usage(REPO).free
    if free < _NEEDED_BYTES:
        raise StepFailed(
            f"{REPO} has {free / 1e9:.1f} GB of free space; the Workbench needs "
            f"{_NEEDED_BYTES / 1e9:.1f} GB"
        )
    print(f"Preparing {STATE} once; this takes a minute or two", file=sys.stderr, flush=True)
    for made in ("stamps", "env"):
        shutil.rmtree(STATE / made, ignore_errors=True)
    try:
        # Without pip: Debian's Python can create an environment, but may lack ensurepip.
        venv.EnvBuilder(symlinks=True, with_pip=False, clear=True).create(os.fspath(ENV))
    except (OSError, subprocess.SubprocessError) as error:
        raise StepFailed(
            f"{sys.executable} can't create an environment in {ENV}: {error}"
        ) from None
    (STATE / "home").write_text(str(ENV))
    version = _version()
    if version is None:
        raise StepFailed(f"The environment that {sys.executable} created in {ENV} doesn't run")
    return version
