"""A file's bytes in a worker's process, from a folder or from the gateway to a store.

DuckDB reads UTF-8. A text in another encoding is copied to UTF-8 first, into the statement's own
temporary folder. A file whose content isn't what its name says is refused, and so is one in an
encoding that nobody named: with the likely one in the message.
"""

from __future__ import annotations

import codecs
import gzip
import http.client
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final, cast
from urllib.parse import urlsplit

from .bad_value import BadValue

HEAD: Final = 4096
_PIECE: Final = 1 << 20
MAX_LINE: Final = 2_000_000
# Enough to tell an encoding by, in a file whose first lines are plain ASCII.
_GUESSED: Final = 32 << 20
_SIGNATURES: Final = (
    (b"PAR1", "parquet", "a Parquet file", ".parquet"),
    (b"PK\x03\x04", "xlsx", "a ZIP archive, such as an Excel workbook", ".xlsx"),
    (b"\xd0\xcf\x11\xe0", "xls", "an Excel workbook of before 2007, or one with a password", None),
    (b"\x1f\x8b", "gz", "compressed with gzip", ".gz"),
    (b"\x28\xb5\x2f\xfd", "zst", "compressed with zstd", None),
    (b"BZh", "bz2", "compressed with bzip2", None),
    (b"\xfd7zXZ", "xz", "compressed with xz", None),
    (b"%PDF-", "pdf", "a PDF file", None),
    (b"SQLite format 3", "sqlite", "a SQLite database", None),
)
_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROLS: Final = re.compile(rb"[\x80-\x84\x86-\x9f]")
# Bytes that are letters or signs of Windows-1252, and control characters of Latin-1.
_WINDOWS: Final = frozenset(range(0x80, 0xA0)) - {0x81, 0x8D, 0x8F, 0x90, 0x9D}


@contextmanager
def open_bytes(path: str) -> Iterator[IO[bytes]]:
    """A file's bytes as they are stored.

    Raises:
        OSError: it can't be read.
    """
    if path.startswith("/"):
        with open(path, "rb") as file:
            yield file
        return
    place = urlsplit(path)
    # The gateway of this process, on this machine: nothing is resolved.
    connection = http.client.HTTPConnection("127.0.0.1", place.port or 0)  # noqa: TID251
    try:
        connection.request("GET", place.path)
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError("the object can't be read")
        yield cast("IO[bytes]", answer)
    except http.client.HTTPException:
        raise OSError("the object can't be read") from None
    finally:
        connection.close()


@contextmanager
def open_content(path: str) -> Iterator[IO[bytes]]:
    """A file's bytes, uncompressed."""
    with open_bytes(path) as file:
        if path.lower().endswith(".gz"):
            with gzip.GzipFile(fileobj=file) as content:
                yield cast("IO[bytes]", content)
        else:
            yield file


def check_head(path: str, kind: str) -> bytes:
    """The first bytes of a file's content, which have to be of its kind.

    Raises:
        BadValue: they are of another kind , or can't be uncompressed.
    """
    try:
        with open_content(path) as file:
            head = file.read(HEAD)
            if path.lower().endswith(".gz"):
                # DuckDB takes the end of a file that was cut off for the end of the data.
                while file.read(_PIECE):
                    pass
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise BadValue(
            "bad_value",
            "isn't a gzip file, or is cut off. Write it again, or take .gz from its name.",
        ) from None
    except OSError:
        return b""  # DuckDB reports the error
    for signature, found, what, ending in _SIGNATURES:
        if head.startswith(signature) and found != kind:
            cure = f"Name it {ending}." if ending else "Save it as CSV, Parquet, JSON or XLSX."
            raise BadValue("bad_value", f"is {what}, not {_NAMES[kind]}. {cure}")
    start = head.lstrip(codecs.BOM_UTF8 + b" \r\n\t")[:200].lower()
    if kind in ("csv", "tsv") and start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise BadValue(
            "bad_value", f"is a web page or XML, not {_NAMES[kind]}. Save it as CSV or XLSX."
        )
    if kind == "xlsx" and head and not head.startswith(b"PK"):
        raise BadValue("bad_value", "isn't an Excel workbook. If it is a text file, name it .csv.")
    return head


def require_short_lines(path: str) -> None:
    """Refuses a text whose first lines are longer than what DuckDB reads.

    Its sniffer would try each dialect on all of such a line, for minutes.

    Raises:
        BadValue: one is.
    """
    try:
        with open_content(path) as file:
            data = file.read(2 * MAX_LINE)
    except (OSError, EOFError, zlib.error):
        return  # DuckDB reports the error
    for number, line in enumerate(data.splitlines(), 1):
        if len(line) > MAX_LINE:
            raise BadValue(
                "bad_value",
                f"has a line of more than {MAX_LINE:,} bytes (line {number:,}). A quote may be open, or it "
                "is no text. Correct it, or save the file as Parquet.",
                line=number,
            )


_NAMES: Final = {
    "csv": "a CSV file",
    "tsv": "a TSV file",
    "json": "a JSON file",
    "xlsx": "an Excel workbook",
    "parquet": "a Parquet file",
}


def is_marked_utf16(head: bytes) -> bool:
    """Whether a file begins with the byte order mark of UTF-16."""
    return head.startswith(_MARKS)


def copy_as_utf8(path: str, encoding: str, target: str, most: int) -> int:
    """Copies a text to UTF-8, and returns the size of the copy.

    Args:
        path: the file.
        encoding: of the file.
        target: the copy.
        most: the size that it may have.

    Raises:
        BadValue: it isn't in this encoding, or there is no room for the copy.
    """
    read = written = 0
    decoder: codecs.IncrementalDecoder | None = None
    try:
        with open_content(path) as file, open(target, "xb") as copy:
            while True:
                piece = file.read(_PIECE)
                if decoder is None:
                    decoder = _decoder(path, encoding, piece)
                if encoding == "latin-1" and (control := _CONTROLS.search(piece)):
                    raise _wrong(path, encoding, read + control.start())
                try:
                    text = decoder.decode(piece, not piece)
                except UnicodeDecodeError as error:
                    raise _wrong(path, encoding, read + error.start) from None
                read += len(piece)
                written += copy.write((text if written else text.removeprefix("\ufeff")).encode())
                if written > most:
                    raise OSError
                if not piece:
                    return written
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise BadValue("bad_value", "isn't a gzip file, or is cut off.") from None
    except OSError:
        raise BadValue(
            "out_of_memory",
            f"is in {encoding}, and its copy in UTF-8 exceeds the limit of temporary files. Save it "
            "as UTF-8, or ask an administrator to raise the limit.",
        ) from None


def _decoder(path: str, encoding: str, head: bytes) -> codecs.IncrementalDecoder:
    if encoding == "utf-16" and not head.startswith(_MARKS):
        if 0 not in head[:HEAD] and head:
            raise _wrong(path, encoding, 0)
        # The first character is ASCII, or at least has no zero as its low byte.
        encoding = "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
    elif encoding in ("latin-1", "windows-1252") and not head.isascii() and _is_utf8(head):
        raise _wrong(path, encoding, next(at for at, byte in enumerate(head) if byte >= 0x80))
    return codecs.getincrementaldecoder({"windows-1252": "cp1252"}.get(encoding, encoding))()


def _is_utf8(data: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _wrong(path: str, encoding: str, byte: int) -> BadValue:
    likely = guess_encoding(path)
    cure = (
        f"It is probably {likely}: set this as its encoding."
        if likely and likely != encoding
        else "Set another encoding."
    )
    return BadValue(
        "bad_value",
        f"isn't in {encoding} (byte {byte + 1:,}). {cure}",
        encoding=likely,
        byte=byte + 1,
    )


def not_utf8(path: str) -> BadValue | None:
    """The error for a text that isn't UTF-8, with the likely encoding; ``None`` if it is."""
    data = _start(path)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
        return None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        if not data[: error.start].isascii():
            return BadValue(
                "bad_value",
                f"isn't UTF-8 in line {line:,}, but before it is: it has two encodings. Correct the "
                "line, or save the file again as UTF-8.",
                line=line,
            )
    likely = _guess(data)
    if likely is None:
        return BadValue("bad_value", f"isn't UTF-8 (line {line:,}). Save it as UTF-8.", line=line)
    return BadValue(
        "bad_value",
        f"isn't UTF-8 (line {line:,}). It is probably {likely}: set this as its encoding, or save "
        "it as UTF-8.",
        line=line,
        encoding=likely,
    )


def guess_encoding(path: str) -> str | None:
    """The likely encoding of a text, of those that can be set; ``None`` if none is."""
    return _guess(_start(path))


def _start(path: str) -> bytes:
    try:
        with open_content(path) as file:
            return file.read(_GUESSED)
    except (OSError, EOFError, zlib.error):
        return b""


def _guess(data: bytes) -> str | None:
    if not data:
        return None
    nul = data[:HEAD].count(0)
    if data.startswith(_MARKS) or (nul and nul * 8 > min(len(data), HEAD)):
        return "utf-16"
    if nul:
        return None
    if _is_utf8(data):
        return "utf-8"
    high = {byte for byte in data if byte >= 0x80}
    if high & {0x81, 0x8D, 0x8F, 0x90, 0x9D}:
        return None if high & _WINDOWS else "latin-1"
    return "windows-1252"
