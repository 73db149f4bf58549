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
    """Copies the examples that this home hasn't had yet. What the user deletes stays deleted."""
    examples, marks = home / "examples", home / ".workbench"
    _copy_new(source / "notebooks", examples, marks / "examples-copied")
    _copy_new(source / "pipelines", examples / "pipelines", marks / "pipelines-copied")


def _copy_new(source: Path, target: Path, mark: Path) -> None:
    """Copies what of a folder isn't named in the mark, over nothing that is there.

    A folder that the user has deleted, or made before the first copy, is left alone.
    """
    if not source.is_dir():
        return
    names = {each.name for each in source.iterdir() if not each.name.startswith((".", "__"))}
    had = set(mark.read_text().split("\n")) if mark.exists() else None
    new = names if had is None else names - had
    if not new:
        return
    mark.parent.mkdir(exist_ok=True)
    if (had is None) != target.exists():
        part = mark.with_name("examples-part")
        target.mkdir(parents=True, exist_ok=True)
        for name in sorted(new):
            if not os.path.lexists(target / name):
                shutil.rmtree(part, ignore_errors=True)
                part.mkdir()
                _copy(source / name, part / name)
                _trust(part / name)
                (part / name).rename(target / name)
        shutil.rmtree(part, ignore_errors=True)
    mark.write_text("\n".join(sorted(names | (had or set()) - {""})))


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    else:
        shutil.copy2(source, target)


def _trust(example: Path) -> None:
    """Signs notebooks as the user's own: Lab and Voila warn of those of third parties."""
    from wb_hub.quick import postpone

    # nbformat is imported in 0.2 s instead of 1.3.
    postpone()
    from nbformat import read
    from nbformat.sign import NotebookNotary

    notary = NotebookNotary()
    for path in [example] if example.suffix == ".ipynb" else example.rglob("*.ipynb"):
        notary.sign(read(path, as_version=4))
    notary.store.close()


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
