"""The folders of attempts, and a note beside each that names its kernel's process.

Each process that starts kernels has a private root folder. The notes let the next process, or another
one, end the kernels of a process that was killed, and remove their folders.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..kit.errors import InvalidInput
from ..kit.snapshot import unpack
from . import files, processes
from .packages import changes
from .processes import Mark

log = logging.getLogger(__name__)


def new_root() -> Path:
    """Makes a private root folder for this process, and cleans up after processes that are gone."""
    base = _base()
    with contextlib.suppress(FileExistsError):
        base.mkdir(mode=0o700)
    state = base.lstat()
    if base.is_symlink() or state.st_uid != os.getuid() or state.st_mode & 0o077:
        # Another user created it, so its content is theirs.
        return Path(tempfile.mkdtemp(prefix="wb-attempts-"))
    _clear_left(base)
    mine = Mark.of(os.getpid())
    assert mine is not None
    root = base / f"{_machine()}-{mine.pid}-{mine.started:.2f}-{secrets.token_hex(2)}"
    root.mkdir(mode=0o700)
    return root


def _clear_left(base: Path) -> None:
    """Ends the kernels, and removes the folders, of processes of this machine that are gone."""
    for root in base.iterdir():
        with contextlib.suppress(ValueError, OSError):
            machine, pid, started, _ = root.name.split("-")
            if machine != _machine() or Mark(int(pid), float(started)).alive():
                continue
            for mark, attempt_id in _notes(root):
                log.warning("ending kernel %s of a server that is gone", mark.pid)
                processes.end(mark, attempt_id)
            remove(root)


def end_left(attempt_id: str) -> bool:
    """Ends the kernel of an attempt that another process of this machine started.

    Returns:
        True if nothing of it is left.
    """
    marks: list[Mark | None] = [
        mark
        for root in (_base().iterdir() if _base().is_dir() else ())
        for mark, known in _notes(root)
        if known == attempt_id
    ]
    # Without a note, processes that its kernel started may still be there.
    gone = [processes.end(mark, attempt_id) for mark in marks or [None]]
    return all(gone)


def new_folder(root: Path) -> Path:
    """Makes a private folder for a kernel."""
    folder = root / secrets.token_hex(4)
    folder.mkdir(mode=0o700)
    return folder


def check_path(path: str) -> None:
    """Checks the path of a notebook's folder in an attempt's; empty for the attempt's folder itself.

    Raises:
        InvalidInput: it could lead out of that folder (``invalid_field``).
    """
    parts = path.split("/") if path else []
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise InvalidInput("The folder must be a path below the pipeline's.", code="invalid_field")


def fill(folder: Path, snapshot: bytes, working: Path) -> str:
    """Fills an attempt's folder: the snapshot, and folders for inputs and outputs.

    Args:
        working: where the notebook runs, in the folder; inputs and outputs are there.

    Returns:
        The packages whose versions differ from the snapshot's, in words.

    Raises:
        InvalidInput, TooLarge: the snapshot can't be unpacked (``bad_snapshot`` …).
    """
    unpack(snapshot, folder)
    try:
        files.prepare(working)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InvalidInput(
            "The snapshot has no folder of this name.", code="bad_snapshot"
        ) from error
    except FileExistsError as error:
        raise InvalidInput(
            f"The snapshot must not contain {files.INPUTS} or {files.OUTPUTS}.",
            code="bad_snapshot",
        ) from error
    return changes(folder)


def note(folder: Path, mark: Mark, attempt_id: str | None) -> None:
    """Notes the process of the kernel in a folder; ``attempt_id`` is None for a spare kernel."""
    text = json.dumps({"attempt": attempt_id, **mark.to_json()})
    _note_of(folder).write_text(text, encoding="utf-8")


def remove(folder: Path) -> None:
    """Removes a folder, whatever its kernel's code did to it."""

    def permit(function: Callable[[str], Any], path: str, _error: Any) -> None:
        # The code may have made a folder read-only.
        try:
            Path(path).parent.chmod(0o700)
            function(path)
        except OSError as error:
            log.warning("%s was not removed: %s", path, error.strerror)

    if folder.exists():
        shutil.rmtree(folder, onerror=permit)


def remove_noted(folder: Path) -> None:
    """Removes a folder, and its note after it."""
    remove(folder)
    _note_of(folder).unlink(missing_ok=True)


def end_all(root: Path, grace: float) -> None:
    """Ends the kernels of a root folder within ``grace`` seconds each, and removes it."""
    for mark, attempt_id in _notes(root):
        processes.end(mark, attempt_id, grace)
    remove(root)


def _notes(root: Path) -> Iterator[tuple[Mark, str | None]]:
    for note in root.glob("*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            value = json.loads(note.read_text(encoding="utf-8"))
            yield Mark.parse(value), value["attempt"]


def _note_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _machine() -> str:
    """A short form of this machine's name: machines may share the folder, and sockets are below it."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]


def _base() -> Path:
    return Path(tempfile.gettempdir()) / f"wb-attempts-{os.getuid()}"
