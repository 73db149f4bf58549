"""Parameters of ``local``: ``:name`` in the text becomes DuckDB's ``$name``, with a Python value."""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from wb_kernels.magics.statement import Lexer
from wb_server.client import InvalidParameter, encode_params

_IN: Final = re.compile(r"\bin\s*(\(?)\s*\Z", re.IGNORECASE)
_LARGEST: Final = 2**127
_DIGITS: Final = 38


def bound(
    lexer: Lexer, sql: str, params: Mapping[str, Any] | None
) -> tuple[str, dict[str, Any] | None]:
    """The statement with DuckDB's placeholders, and the values for them.

    A list after ``in`` becomes a sub-query of its values, as on other connections.

    Raises:
        InvalidParameter: a value that DuckDB can't take exactly.
    """
    encoded = encode_params(params) or {}
    parts, used, at = [], {}, 0
    for name, start, end in lexer.places(sql):
        if name not in encoded:
            continue
        value = used[name] = _plain(name, encoded[name])
        before = sql[at:start]
        parts.append(before)
        after_in = _IN.search(sql[:start]) if isinstance(value, list) else None
        if after_in is None:
            parts.append(f"${name}")
        elif after_in[1]:
            parts.append(f"select unnest(${name})")
        else:
            parts.append(f"(select unnest(${name}))")
        at = end
    return "".join([*parts, sql[at:]]), used or None


def _plain(name: str, value: Any) -> Any:
    """A value as the wire has it, as an object that DuckDB takes."""
    if isinstance(value, list):
        return [_plain(name, item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -_LARGEST <= value < _LARGEST:
        raise InvalidParameter(f"Parameter :{name} is an integer of more than 128 bits.")
    if not isinstance(value, dict):
        return value
    text = str(value["value"])
    match value["type"]:
        case "decimal":
            whole, _, decimals = text.lstrip("-").partition(".")
            if len(whole.lstrip("0") or "0") + len(decimals) > _DIGITS:  # it would be a float
                raise InvalidParameter(
                    f"Parameter :{name} has more than the {_DIGITS} digits of DuckDB's decimals."
                )
            return Decimal(text)
        case "timestamp":
            return dt.datetime.fromisoformat(text)
        case "date":
            return dt.date.fromisoformat(text)
        case "time":
            return dt.time.fromisoformat(text)
        case "duration":
            return dt.timedelta(microseconds=int(text))
    return base64.b64decode(text)
