"""Names and formats that the client and the service share."""

from __future__ import annotations

import json
from typing import Any

ARROW_STREAM = "application/vnd.apache.arrow.stream"
PROVENANCE = b"workbench"  # the metadata key in schemas and in the closing batch


def json_object(text: bytes | None) -> dict[str, Any]:
    """The JSON object in a text; empty if it isn't one, as when a proxy answered."""
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
