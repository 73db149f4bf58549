"""The folders of versions: decoded from a request, and compared."""

from __future__ import annotations

import base64
import binascii
import difflib

from ..kit.errors import InvalidInput, TooLarge
from ..user_server.folder import MAX_SNAPSHOT
from .models import PipelineSave, Version


def contents(request: PipelineSave) -> dict[str, bytes]:
    """The files of a request.

    Raises:
        InvalidInput: a file isn't Base64, or a path leads out of the folder (``invalid_field``).
        TooLarge: they exceed the size limit of a snapshot (``snapshot_too_large``).
    """
    found, total = {}, 0
    for path, text in request.files.items():
        if any(part in ("", ".", "..") for part in path.split("/")):
            raise InvalidInput(
                f"files: “{path}” isn't a path below the folder.",
                code="invalid_field",
                field="files",
            )
        try:
            found[path] = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidInput(
                f"files: “{path}” is not Base64.", code="invalid_field", field="files"
            ) from error
        total += len(found[path])
        if total > MAX_SNAPSHOT:
            raise TooLarge(
                f"The folder exceeds {MAX_SNAPSHOT // 2**20} MiB, the limit for a pipeline. Keep "
                "data in a database or a bucket.",
                code="snapshot_too_large",
                limit=MAX_SNAPSHOT,
            )
    return found


def changes(before: Version | None, after: Version) -> str:
    """What a version changed: a unified diff of the file, and the files that differ."""
    lines = difflib.unified_diff(
        before.text.splitlines() if before is not None else [],
        after.text.splitlines(),
        f"version {before.number}" if before is not None else "nothing",
        f"version {after.number}",
        lineterm="",
    )
    text = "\n".join(lines)
    old = before.files if before is not None else {}
    files = [
        f"{'added' if path not in old else 'removed' if path not in after.files else 'changed'}: {path}"
        for path in sorted({*old, *after.files})
        if old.get(path) != after.files.get(path)
    ]
    return "\n".join(part for part in (text, *files) if part)
