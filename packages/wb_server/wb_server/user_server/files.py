"""The files that tasks pass on: into an attempt's folder before its notebook runs, and out of it after.

``inputs/<task>/<name>`` holds artifacts of earlier tasks, ``outputs/<name>`` the files of the notebook.
Both folders are created empty for every attempt, whatever the pipeline's folder contains.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from mimetypes import MimeTypes
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from ..kit.disk import is_full
from ..kit.errors import Conflict, NotFound, TooLarge, Unavailable
from ..kit.failure import TaskFailed
from .folder import INPUTS as INPUTS
from .folder import OUTPUTS as OUTPUTS

MAX_INPUT_FILES: Final = 200
MAX_INPUT_BYTES: Final = 2 * 2**30
MAX_OUTPUT_FILES: Final = 20
MAX_OUTPUT_FILE: Final = 200 * 2**20
MAX_OUTPUT_BYTES: Final = 1 * 2**30
PIECE: Final = 2**20
# Entries listed of the folder: more than an attempt may have, so enough to refuse it.
_MAX_LISTED = 100

TASK: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,109}")
_OUTPUT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")

_OCTETS = "application/octet-stream"
# Added to Python's built-in types; the system's lists differ from machine to machine.
_TYPES = MimeTypes().types_map[True] | {
    ".arrow": "application/vnd.apache.arrow.file",
    ".csv": "text/csv",
    ".feather": "application/vnd.apache.arrow.file",
    ".gz": "application/gzip",
    ".ipynb": "application/x-ipynb+json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".tsv": "text/tab-separated-values",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
    ".zst": "application/zstd",
}
_SUFFIXES = {
    _TYPES[suffix]: suffix
    for suffix in (".arrow", ".csv", ".json", ".md", ".parquet", ".pdf", ".png", ".txt", ".xlsx")
}


def media_type(name: str) -> str:
    """The media type of a file, by its extension."""
    return _TYPES.get(PurePosixPath(name).suffix.lower(), _OCTETS)


def file_name(name: str, kind: str, taken: Collection[str]) -> str:
    """The file name of an artifact: its name, with the extension of its media type if it has none.

    Args:
        taken: the names of the task's artifacts; the extension is omitted if it would clash with one.
    """
    extended = name + _SUFFIXES.get(kind, "")
    return name if PurePosixPath(name).suffix or extended in taken else extended


@dataclass(frozen=True)
class OutputFile:
    """An entry of the folder ``outputs``.

    Attributes:
        size: in bytes.
        regular: whether it is a regular file, not a folder, link or pipe.
    """

    name: str
    size: int
    regular: bool = True

    def view(self) -> dict[str, Any]:
        """The entry as the API shows it."""
        return {"name": self.name, "size": self.size, "regular": self.regular}


def without(files: Iterable[str], folder: str = "") -> list[str]:
    """The files of a pipeline's folder without ``inputs`` and ``outputs``.

    Those are left over from trying the notebook by hand.

    Args:
        folder: the notebook's own, which may have such folders too; empty if it is the pipeline's.
    """
    beside = f"{folder}/" if folder else ""
    left = tuple(f"{each}{name}/" for each in ("", beside) for name in (INPUTS, OUTPUTS))
    return [name for name in files if not name.startswith(left)]


def prepare(folder: Path) -> None:
    """Creates both folders in the folder where a new attempt's notebook runs."""
    for name in (INPUTS, OUTPUTS):
        (folder / name).mkdir(mode=0o700)


# --- in --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def new_input(folder: Path, task: str, name: str) -> Iterator[IO[bytes]]:
    """Opens a new input file for writing; removes it if the block fails.

    Raises:
        Conflict: the file exists already (``input_exists``), or the task's folder can't be made because
            a file or link has its name (``bad_input_folder``).
        Unavailable: the disk is full (``storage_full``), or it can't be written (``inputs_unwritable``).
    """
    assert TASK.fullmatch(task)
    assert NAME.fullmatch(name)
    path = folder / INPUTS / task / name
    created = False
    try:
        _make_folder(folder / INPUTS, INPUTS)
        _make_folder(path.parent, f"{INPUTS}/{task}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        handle = os.open(path, flags, 0o600)
        created = True
        with os.fdopen(handle, "wb") as file:
            yield file
    except FileExistsError as error:
        raise Conflict(f"The input {task}/{name} already exists.", code="input_exists") from error
    except OSError as error:
        if created:
            path.unlink(missing_ok=True)
        raise Unavailable(
            "The artifacts of the earlier tasks can't be written where the notebook runs: "
            f"{error.strerror}.",
            code="storage_full" if is_full(error) else "inputs_unwritable",
        ) from error
    except BaseException:
        if created:
            path.unlink(missing_ok=True)
        raise


def _make_folder(folder: Path, shown: str) -> None:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if not stat.S_ISDIR(folder.lstat().st_mode):
        raise Conflict(
            f"{shown} is not a folder where the notebook runs, so the files of earlier tasks can't be "
            "put there.",
            code="bad_input_folder",
        )


# --- out -------------------------------------------------------------------------------------------


def output_files(folder: Path) -> list[OutputFile]:
    """The entries that a notebook left in ``outputs``, without hidden files; at most 100.

    If the notebook removed the folder, it counts as empty; if it replaced the folder by something else,
    that is returned as a single irregular entry.
    """
    outputs = folder / OUTPUTS
    try:
        if not stat.S_ISDIR(outputs.lstat().st_mode):
            return [OutputFile(OUTPUTS, 0, regular=False)]
        found = []
        with os.scandir(outputs) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                state = entry.stat(follow_symlinks=False)
                name = entry.name.encode("utf-8", "replace").decode()
                found.append(OutputFile(name, state.st_size, stat.S_ISREG(state.st_mode)))
                if len(found) == _MAX_LISTED:
                    break
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda each: each.name)


def open_output(folder: Path, name: str) -> tuple[IO[bytes], int]:
    """Opens a file of ``outputs`` for reading, and returns it with its size.

    Raises:
        NotFound: there is no such file, or it isn't a regular one (``unknown_output``).
        TooLarge: it exceeds ``MAX_OUTPUT_FILE`` (``output_too_large``).
    """
    gone = NotFound(f"The notebook wrote no file {name[:100]!r}.", code="unknown_output")
    if not _OUTPUT_NAME.fullmatch(name):
        raise gone
    outputs = folder / OUTPUTS
    try:
        if not stat.S_ISDIR(outputs.lstat().st_mode):
            raise gone
        # O_NONBLOCK: if it is a pipe, don't wait for the other end.
        handle = os.open(outputs / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise gone from error
    state = os.fstat(handle)
    if stat.S_ISREG(state.st_mode) and state.st_size <= MAX_OUTPUT_FILE:
        return os.fdopen(handle, "rb"), state.st_size
    os.close(handle)
    if not stat.S_ISREG(state.st_mode):
        raise gone
    raise TooLarge(_over(name, state.st_size), code="output_too_large")


def check_outputs(found: Iterable[OutputFile]) -> list[OutputFile]:
    """The files that become artifacts.

    Raises:
        TaskFailed: an entry isn't a file or its name isn't a valid artifact name (``bad_output_file``),
            or the files are too many or too large (``output_files_too_large``).
    """
    files = list(found)
    for each in files:
        if each.name == OUTPUTS and not each.regular:
            raise _bad(f"The notebook replaced the folder {OUTPUTS} with something else.")
        if not each.regular:
            raise _bad(
                f"{OUTPUTS}/{each.name[:100]} isn't a file. Write files directly into {OUTPUTS}."
            )
        if not _OUTPUT_NAME.fullmatch(each.name):
            raise _bad(
                f"{OUTPUTS}/{each.name[:100]} isn't a valid artifact name. Use letters a to z, "
                "digits, dots, dashes and underscores, starting with a letter or digit, at most "
                "100 characters.",
            )
        if each.size > MAX_OUTPUT_FILE:
            raise _too_large(_over(each.name, each.size))
    if len(files) > MAX_OUTPUT_FILES:
        raise _too_large(
            f"The notebook wrote more than {MAX_OUTPUT_FILES} files to {OUTPUTS}. Combine them, "
            "for example into a zip file."
        )
    total = sum(each.size for each in files)
    if total > MAX_OUTPUT_BYTES:
        raise _too_large(
            f"The files in {OUTPUTS} have {total / 2**20:,.0f} MiB in total; the limit is "
            f"{MAX_OUTPUT_BYTES // 2**20:,} MiB. Write large data to a table."
        )
    return files


def check_inputs(sizes: Collection[int]) -> None:
    """Checks that a notebook's inputs aren't too many or too large.

    Raises:
        TaskFailed: they are (``inputs_too_large``).
    """
    total = sum(sizes)
    if len(sizes) > MAX_INPUT_FILES or total > MAX_INPUT_BYTES:
        raise TaskFailed(
            "inputs_too_large",
            f"The tasks that it needs directly made {len(sizes)} files with {total / 2**20:,.0f} MiB; "
            f"a notebook gets at most {MAX_INPUT_FILES} with {MAX_INPUT_BYTES // 2**20:,} MiB. Remove "
            "tasks whose files it doesn't read from its needs, or make their files smaller.",
            retry=False,
            files=len(sizes),
            bytes=total,
        )


def changed(file: OutputFile) -> TaskFailed:
    """The error for a file that has changed since it was listed."""
    return TaskFailed(
        "output_changed",
        f"{OUTPUTS}/{file.name} changed after the notebook's last cell. Make the notebook wait "
        "for what it starts.",
    )


def _over(name: str, size: int) -> str:
    return (
        f"{OUTPUTS}/{name} has {size / 2**20:,.0f} MiB; the limit is {MAX_OUTPUT_FILE // 2**20} "
        "MiB. Write large data to a table."
    )


def _bad(message: str) -> TaskFailed:
    return TaskFailed("bad_output_file", message, retry=False)


def _too_large(message: str) -> TaskFailed:
    return TaskFailed("output_files_too_large", message, retry=False)
