"""What a process holds in memory: how much, and whether a secret is in it, or in bytes of any kind."""

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
    """The most MiB that this process has held. getrusage would begin with what its parent held."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def forms(text: str) -> dict[str, bytes]:
    """The ways in which a secret may be written: as it is, in UTF-16, encoded for an address, as
    JSON, and in base64 at each of the three places where it may begin."""
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
        # Letters that also depend on what comes before or after are left out.
        start, end = -(-shift * 8 // 6), (shift + len(plain)) * 8 // 6
        found[f"base64+{shift}"] = encoded[start:end]
        found[f"base64url+{shift}"] = base64.urlsafe_b64encode(b"\0" * shift + plain)[start:end]
    distinct = {needle: name for name, needle in reversed(found.items())}
    return {name: needle for needle, name in reversed(distinct.items())}


def search(pieces: Iterable[bytes], needles: Mapping[str, bytes]) -> set[str]:
    """The names of the needles that are in the pieces, also where one lies across two pieces."""
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
    """The addresses that a process may write to, without the pages that it never used."""
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pages:
        for line in Path(f"/proc/{pid}/maps").read_bytes().splitlines():
            region = _REGION.fullmatch(line)
            if not region or region[4].startswith((b"/dev/", b"[v")):
                continue
            start, end = int(region[1], 16), int(region[2], 16)
            pages.seek(start // _PAGE * 8)
            # Eight bytes a page; the two highest bits say that it is in memory, or in the swap.
            for run in _USED.finditer(pages.read((end - start) // _PAGE * 8)[7::8]):
                yield start + run.start() * _PAGE, start + run.end() * _PAGE


def memory(pid: int) -> Iterator[bytes]:
    """What a process holds, in pieces that follow one another.

    Raises:
        PermissionError: it may not be read.
    """
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for start, end in _regions(pid):
            for place in range(start, end, _CHUNK):
                try:
                    file.seek(place)
                    yield file.read(min(_CHUNK, end - place))
                except OSError:
                    break  # it gave this region back meanwhile


def search_memory(pid: int, needles: Mapping[str, bytes]) -> set[str]:
    """The names of the needles that a process holds in memory.

    Raises:
        PermissionError: it may not be read.
    """
    return search(memory(pid), needles)


def search_file(path: Path, needles: Mapping[str, bytes]) -> set[str]:
    """The names of the needles that are in a file."""
    with path.open("rb") as file:
        return search(iter(lambda: file.read(_CHUNK), b""), needles)
