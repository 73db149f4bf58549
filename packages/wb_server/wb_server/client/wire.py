"""What the client and the service agreed on: names in headers and metadata, and JSON objects."""

from __future__ import annotations

import json
from typing import Any

ARROW_STREAM = "application/vnd.apache.arrow.stream"
PROVENANCE = b"workbench"  # the metadata key in schemas and in the last batch


def json_object(text: bytes | None) -> dict[str, Any]:
    """The object that a text holds; empty if it is none, as when a proxy answered."""
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
