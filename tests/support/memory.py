"""Looking for a secret: in what a process holds in memory, and in bytes of any kind."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

_CHUNK = 8 * 2**20
_REGION = re.compile(rb"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)")


def forms(text: str) -> dict[str, bytes]:
    """The ways in which a secret may be written: as it is, in UTF-16, encoded for an address, as
    JSON, and in base64 at each of the three places where it may begin."""
    plain = text.encode()
    found = {
        "utf-8": plain,
        "utf-16": text.encode("utf-16-le"),
        "url": quote(text, safe="").encode(),
        "form": quote_plus(text).encode(),
        "hex": plain.hex().encode(),
    }
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + plain)
        # Letters that also depend on what comes before or after are left out.
        start, end = -(-shift * 8 // 6), (shift + len(plain)) * 8 // 6
        found[f"base64+{shift}"] = encoded[start:end]
        found[f"base64url+{shift}"] = base64.urlsafe_b64encode(b"\0" * shift + plain)[start:end]
    return found


def search(pieces: Iterable[bytes], needles: Mapping[str, bytes]) -> set[str]:
    """The names of the needles that are in the pieces, also where one lies across two pieces."""
    wanted = dict(needles)
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
    """The addresses that a process may write to, and has."""
    region: tuple[int, int] | None = None
    for line in Path(f"/proc/{pid}/smaps").read_bytes().splitlines():
        if head := _REGION.fullmatch(line):
            ours = head[3].startswith(b"rw") and not head[4].startswith((b"/dev/", b"[v"))
            region = (int(head[1], 16), int(head[2], 16)) if ours else None
        elif region and line.startswith((b"Rss:", b"Swap:")) and line.split()[1] != b"0":
            yield region
            region = None


def memory(pid: int) -> Iterator[bytes]:
    """What a process holds, in pieces; an empty one between what doesn't lie side by side.

    Raises:
        PermissionError: it may not be read.
    """
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for start, end in _regions(pid):
            for place in range(start, end, _CHUNK):
                file.seek(place)
                try:
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
