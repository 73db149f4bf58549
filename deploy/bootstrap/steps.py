"""The paths of what is prepared, and the stamps that mark steps as done.

A step's stamp is a hash of all its inputs. A step whose stamp still matches is skipped, so a second start
costs a few hashes. The stamp is removed before the work begins and written when it is done, so an
interrupted step is redone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
STATE = REPO / ".wb"
ENV = STATE / "env"
PYTHON = ENV / "bin" / "python"


def digest(*parts: Path | str) -> str:
    """One hash over files, whole folders (names and contents) and texts."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            total.update(f"text {part}\0".encode())
            continue
        for path in [part] if part.is_file() else sorted(p for p in part.rglob("*") if p.is_file()):
            total.update(f"file {path.relative_to(REPO)}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


class Step:
    """One step of the preparation, with the stamp of its inputs."""

    def __init__(self, name: str, made_from: str, *, whole: bool = True) -> None:
        self.name = name
        self.log = STATE / "logs" / f"{name}.log"
        self._made_from = made_from
        self._stamp = STATE / "stamps" / name
        self._whole = whole

    @property
    def done(self) -> bool:
        """Whether the result exists and was made from the current inputs."""
        try:
            return self._whole and self._stamp.read_text() == self._made_from
        except OSError:
            return False

    def forget(self) -> None:
        """Removes the stamp: its result is about to be replaced."""
        self._stamp.unlink(missing_ok=True)

    @contextlib.contextmanager
    def doing(self) -> Iterator[None]:
        self.forget()
        self.log.unlink(missing_ok=True)
        yield
        self._stamp.parent.mkdir(parents=True, exist_ok=True)
        new = self._stamp.with_suffix(".new")
        new.write_text(self._made_from)
        new.replace(self._stamp)


def tool_env() -> dict[str, str]:
    """The user's environment, so that their pip and npm settings (proxies, mirrors, certificates)
    apply, without the variables that would install packages outside the environment."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name
        not in {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "NODE_ENV"}
    }
    env.update(
        PATH=f"{ENV / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}",
        VIRTUAL_ENV=str(ENV),
        PYTHONNOUSERSITE="1",
        PIP_USER="0",
        PIP_REQUIRE_VIRTUALENV="0",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_NO_INPUT="1",
    )
    return env


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """Allows one preparation at a time: two would write to the same folders."""
    STATE.mkdir(exist_ok=True)
    with (STATE / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another ./wb is preparing the environment: waiting for it", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
