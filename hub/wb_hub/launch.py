"""Starts a command tied to the life of its parent: ``launch [--examples DIR] -- COMMAND …``.

The Hub starts its proxy, the service and the users' servers in new sessions. If the Hub is killed outright,
nobody would stop them; they would hold the public port and the users' kernels. On Linux the kernel can
signal a process when its parent dies; the request survives ``exec``, so this module makes it and then
becomes the command.

It is also the first code that runs as the user, so it copies the examples into a new home: the notebooks
into ``examples``, the pipelines into ``examples/pipelines``. The Hub, which may be root, never writes into
a folder that a user controls.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(option, value, 0, 0, 0) == 0)


def end_with_parent(parent: int) -> None:
    """Asks for SIGTERM when the parent dies; ends at once if it already has."""
    if _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def adopt_orphans() -> bool:
    """Makes this process the parent of orphaned descendants, if the system supports it."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def copy_examples(source: Path, home: Path) -> None:
    """Copies the examples into a home, each kind once. What the user deletes stays deleted."""
    examples = home / "examples"
    _copy_once(source / "notebooks", examples, home / ".workbench" / "examples-copied")
    _copy_once(
        source / "pipelines", examples / "pipelines", home / ".workbench" / "pipelines-copied"
    )


def _copy_once(source: Path, target: Path, mark: Path) -> None:
    if mark.exists() or not source.is_dir():
        return
    if not target.exists():
        part = mark.with_name("examples-part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(source, part, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        target.parent.mkdir(exist_ok=True)
        part.rename(target)
    mark.parent.mkdir(exist_ok=True)
    mark.touch()


def main(arguments: list[str]) -> None:
    cut = arguments.index("--")
    options, command = arguments[:cut], arguments[cut + 1 :]
    parent = os.environ.pop("WB_TETHER_TO", "")
    if parent:
        end_with_parent(int(parent))
    if options[:1] == ["--examples"]:
        try:
            copy_examples(Path(options[1]), Path.home())
        except OSError as error:
            print(f"The examples were not copied: {error}", file=sys.stderr, flush=True)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
