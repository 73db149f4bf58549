"""Functions and operators of a database that would run although a statement doesn't call them.

The gate lets a statement call PostgreSQL's own functions only, and writes their schema. Three things
can't be written so, and are looked for in the database before each statement, in the round trip
that begins its transaction (0.3 ms):

- operators: ``a || b`` finds ``public.||(varchar, varchar)`` before ``pg_catalog.||(text, text)``,
  since its arguments fit better;
- functions of a row: ``t.name`` calls ``name(t)`` where t has no such column;
- functions with the name of an allowed one of an extension, whose schema nobody knows.

What an extension brought is left out: whoever installs one may do more than that. A statement is
refused only if a name that was found stands in its text.
"""

from __future__ import annotations

import re
from typing import Final

from ...kit.errors import Forbidden, WorkbenchError
from ..dialects import postgres

_MARK: Final = "workbench-found"
_SEPARATOR: Final = "\x1f"
# Used without their sign too: by IN, BETWEEN, CASE, NULLIF, USING, LIKE, IS DISTINCT FROM.
_BY_KEYWORD: Final = frozenset({"=", "<>", "<", "<=", ">", ">=", "~", "!~", "~*", "!~*"}) | {
    "~~", "!~~", "~~*", "!~~*",
}  # fmt: skip
_FIRST_OF_A_USER: Final = 16384  # FirstNormalObjectId
_ROW_TYPES: Final = "2249, 2276, 2283, 2776, 5077, 5080"  # record, any, anyelement, …
_EXTENSIONS: Final = ", ".join(sorted(postgres.RULES.extension_functions))


def _names(kind: str, catalog: int, table: str, name: str, visible: str, condition: str) -> str:
    """A query for the names, in one text. Operators are written with their schema: see above."""
    return f"""(
    SELECT pg_catalog.string_agg(pg_catalog.concat('{kind}', {name}), pg_catalog.chr(31)) AS names
    FROM pg_catalog.{table} x
    WHERE x.oid OPERATOR(pg_catalog.>=) {_FIRST_OF_A_USER}::pg_catalog.oid AND ({condition})
    AND {visible}(x.oid) AND (
        SELECT pg_catalog.count(*) FROM pg_catalog.pg_depend d
        WHERE d.classid OPERATOR(pg_catalog.=) {catalog}::pg_catalog.oid
        AND d.objid OPERATOR(pg_catalog.=) x.oid
        AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char"
    ) OPERATOR(pg_catalog.=) 0::pg_catalog.int8)"""  # noqa: S608  put together from constants


_OPERATORS: Final = _names(
    "o",
    2617,
    "pg_operator",
    "oprname",
    "pg_catalog.pg_operator_is_visible",
    f"x.oprleft OPERATOR(pg_catalog.<) {_FIRST_OF_A_USER}::pg_catalog.oid "
    f"AND x.oprright OPERATOR(pg_catalog.<) {_FIRST_OF_A_USER}::pg_catalog.oid",
)
_FUNCTIONS: Final = _names(
    "f",
    1255,
    "pg_proc",
    "proname",
    "pg_catalog.pg_function_is_visible",
    "x.pronargs OPERATOR(pg_catalog.-) x.pronargdefaults "
    "OPERATOR(pg_catalog.<=) 1::pg_catalog.int2 "
    f"AND (x.proargtypes[0] OPERATOR(pg_catalog.>=) {_FIRST_OF_A_USER}::pg_catalog.oid "
    f"OR x.proargtypes[0] OPERATOR(pg_catalog.=) ANY ('{{{_ROW_TYPES}}}'::pg_catalog.oid[])) "
    "OR x.proname::pg_catalog.text OPERATOR(pg_catalog.=) "
    f"ANY ('{{{_EXTENSIONS}}}'::pg_catalog.text[])",
)
# Fails with the names in its error, if there are any: so it costs no round trip of its own.
LOOK: Final = f"""
SELECT CAST(pg_catalog.concat('{_MARK}', pg_catalog.concat_ws(pg_catalog.chr(31), o.names, f.names))
    AS pg_catalog.int4)
FROM {_OPERATORS} o, {_FUNCTIONS} f WHERE o.names IS NOT NULL OR f.names IS NOT NULL"""  # noqa: S608


def found(message: str) -> list[str] | None:
    """The names in the error of ``LOOK``; ``None`` for another error."""
    said = re.search(f'"{_MARK}(.*)"', message, re.DOTALL)
    return said[1].split(_SEPARATOR) if said else None


def refusal(names: list[str], sql: str) -> WorkbenchError | None:
    """Why a statement may not run in a database where these were found; ``None``: it may."""
    for name in sorted(names):
        kind, name = name[:1], name[1:]
        if kind == "o" and (name in _BY_KEYWORD or name in sql):
            return Forbidden(
                f"This database has an operator {name} of its own, which would run in place of "
                "PostgreSQL's. Its owner has to move it to a schema that is not in the search path.",
                code="operator_not_allowed",
                operator=name,
            )
        if kind == "f" and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sql, re.IGNORECASE):
            return Forbidden(
                f"This database has a function {name} of its own, which a column of this name can "
                "call. It isn't on the list of allowed functions.",
                code="function_not_allowed",
                function=name,
            )
    return None
