"""The outputs of a notebook that runs as a task of a pipeline: named values, as JSON.

A value is displayed in the notebook with a media type that the worker collects. So it works the same on
any server, and anybody who reads the executed notebook sees it.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
import re
from collections.abc import Mapping
from typing import Any

# The same as in wb_server/pipelines/kernels/outputs.py.
MEDIA_TYPE = "application/vnd.workbench.output+json"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_LARGEST = 64 * 2**10
_DEEPEST = 20


def output(name: str, value: Any) -> None:
    """Displays a value as the output of this name.

    Raises:
        ValueError: the name is invalid, or the value is over 64 KiB of JSON.
        TypeError: the value can't be represented in JSON.
    """
    from IPython.display import display

    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} isn't a valid output name: use letters, digits and _, at most 63 characters."
        )
    plain = _plain(name, value)
    size = len(json.dumps(plain))
    if size > _LARGEST:
        raise ValueError(
            f"The output {name} has {size // 1024} KiB; the limit is 64 KiB. Write large values "
            "to a table or a file, and pass its name as the output."
        )
    data = {MEDIA_TYPE: {"name": name, "value": plain}, "text/plain": f"{name} = {value!r}"[:1000]}
    display(data, raw=True)  # type: ignore[no-untyped-call]


def _plain(name: str, value: Any, depth: int = 0) -> Any:
    """A value as plain JSON types: dates as ISO strings, decimals as strings with all their digits."""
    if depth > _DEEPEST:
        raise TypeError(f"The output {name} is nested too deeply.")
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if not math.isfinite(value):
                raise TypeError(f"The output {name} holds {value}, which JSON doesn't have.")
            return value
        case datetime.date() | datetime.time():
            # The missing date of pandas is a date, too, and the only one that isn't equal to itself.
            if value != value:
                raise TypeError(f"The output {name} holds {value}; use None for a missing value.")
            return value.isoformat()
        case decimal.Decimal():
            return str(value)
        case list() | tuple():
            return [_plain(name, item, depth + 1) for item in value]
        case Mapping():
            return {str(key): _plain(name, item, depth + 1) for key, item in value.items()}
    # Scalars of numpy and pandas can give their plain value.
    if callable(getattr(value, "item", None)) and getattr(value, "shape", None) == ():
        if value.dtype.kind == "M":  # of nanoseconds, it would be a number
            value = value.astype("datetime64[us]")
        return _plain(name, value.item(), depth + 1)
    raise TypeError(
        f"The output {name} is a {type(value).__name__}; an output must be made of numbers, "
        "text, dates, None, lists and dictionaries."
    )
