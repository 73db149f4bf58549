"""A process's memory: its peak, and searching it, or any bytes, for a secret."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

_CHUNK = 8 * 2**20
_PAGE = os.sysconf("SC_PAGE_SIZE")
_REGION = re.compile(rb"([0-9a-f]+)-([0-9a-f]+) (rw\S+) \S+ \S+ \S+ *(.*)")
_USED = re.compile(rb"[\x40-\xff]+")


def peak() -> int:
    """This process's peak memory in MiB. getrusage would start from the parent's peak."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def forms(text: str) -> dict[str, bytes]:
    """The encodings in which a secret may appear: plain, UTF-16, URL-encoded, JSON, hex, and base64 at
    each of its three alignments."""
    plain = text.encode()
    found = {
        "utf-8": plain,
        "utf-16": text.encode("utf-16-le"),
        "url": quote(text, safe="").encode(),
        "form": quote_plus(text).encode(),
        "json": json.dumps(text)[1:-1].encode(),
        "hex": plain.hex().encode(),
    }
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + plain)
        # Without the characters that depend on the neighbouring bytes.
        start, end = -(-shift * 8 // 6), (shift + len(plain)) * 8 // 6
        found[f"base64+{shift}"] = encoded[start:end]
        found[f"base64url+{shift}"] = base64.urlsafe_b64encode(b"\0" * shift + plain)[start:end]
    distinct = {needle: name for name, needle in reversed(found.items())}
    return {name: needle for needle, name in reversed(distinct.items())}


def search(pieces: Iterable[bytes], needles: Mapping[str, bytes]) -> set[str]:
    """The names of the needles found in the pieces, including those that span two pieces."""
    wanted = dict(needles)
    assert wanted and all(wanted.values())
    overlap = max(map(len, wanted.values())) - 1
    found: set[str] = set()
    end = b""
    for piece in pieces:
        whole = end + piece
        for name in [name for name, needle in wanted.items() if needle in whole]:
            found.add(name)
            del wanted[name]
        if not wanted:
            break
        end = whole[-overlap:] if overlap else b""
    return found


def _regions(pid: int) -> Iterator[tuple[int, int]]:
    """The address ranges that a process may write to, without pages it never used."""
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pages:
        for line in Path(f"/proc/{pid}/maps").read_bytes().splitlines():
            region = _REGION.fullmatch(line)
            if not region or region[4].startswith((b"/dev/", b"[v")):
                continue
            start, end = int(region[1], 16), int(region[2], 16)
            pages.seek(start // _PAGE * 8)
            # Eight bytes per page; the two highest bits mean that it is in memory or in swap.
            for run in _USED.finditer(pages.read((end - start) // _PAGE * 8)[7::8]):
                yield start + run.start() * _PAGE, start + run.end() * _PAGE


def memory(pid: int) -> Iterator[bytes]:
    """A process's memory, in consecutive pieces.

    Raises:
        PermissionError: its memory may not be read.
    """
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for start, end in _regions(pid):
            for place in range(start, end, _CHUNK):
                try:
                    file.seek(place)
                    yield file.read(min(_CHUNK, end - place))
                except OSError:
                    break  # the process has just released this region


def search_memory(pid: int, needles: Mapping[str, bytes]) -> set[str]:
    """The names of the needles found in a process's memory.

    Raises:
        PermissionError: its memory may not be read.
    """
    return search(memory(pid), needles)


def search_file(path: Path, needles: Mapping[str, bytes]) -> set[str]:
    """The names of the needles found in a file."""
    with path.open("rb") as file:
        return search(iter(lambda: file.read(_CHUNK), b""), needles)
