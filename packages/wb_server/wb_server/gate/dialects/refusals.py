"""The text of refusals: the construct as written, the reason, and what to write instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Final

from sqlglot import exp

from wb_server.kit.errors import Forbidden, InvalidInput

from .base import DialectRules, RoutineName, words

_COALESCE: Final = "coalesce(a, b)"
_CASE: Final = "CASE WHEN a THEN b ELSE c END"

# Names from other databases, and what to write here.
_INSTEAD: Final[Mapping[str, Mapping[str, str]]] = {
    "postgres": {
        **dict.fromkeys(("ifnull", "nvl", "isnull"), _COALESCE),
        **dict.fromkeys(("if", "iif"), _CASE),
        **dict.fromkeys(("getdate", "sysdate", "curdate", "today", "systimestamp"), "now()"),
        "json_scalar": "to_json(a)",
        **dict.fromkeys(("group_concat", "listagg"), "string_agg(a, ', ')"),
        **dict.fromkeys(("datediff", "date_diff", "timestampdiff"), "b - a, or age(b, a)"),
        **dict.fromkeys(("dateadd", "adddate", "date_sub", "add_months"), "a + interval '1 day'"),
        **dict.fromkeys(("year", "month", "day", "hour", "quarter", "week"), "extract(… FROM a)"),
        **dict.fromkeys(("date_format", "strftime"), "to_char(a, 'YYYY-MM-DD')"),
        **dict.fromkeys(("str_to_date", "strptime"), "to_date(a, 'YYYY-MM-DD')"),
        **dict.fromkeys(("instr", "charindex", "locate"), "strpos(text, part)"),
        **dict.fromkeys(("len", "datalength"), "length(a)"),
        **dict.fromkeys(("rand", "newid"), "random() or gen_random_uuid()"),
        **dict.fromkeys(("json_extract", "json_value", "json_query"), "a -> 'key' or a ->> 'key'"),
        "substring_index": "split_part(a, ',', 1)",
        "convert": "CAST(a AS type)",
        "regexp_extract": "substring(a FROM 'pattern')",
        "last_day": "(date_trunc('month', a) + interval '1 month - 1 day')::date",
        "median": "percentile_cont(0.5) WITHIN GROUP (ORDER BY a)",
        "countif": "count(*) FILTER (WHERE a)",
    },
    "duckdb": {
        **dict.fromkeys(("nvl", "isnull"), _COALESCE),
        "iif": _CASE,
        **dict.fromkeys(("getdate", "sysdate", "curdate", "systimestamp"), "now()"),
        **dict.fromkeys(("to_char", "date_format"), "strftime(a, '%Y-%m-%d')"),
        **dict.fromkeys(("to_date", "str_to_date"), "strptime(a, '%Y-%m-%d')"),
        **dict.fromkeys(("dateadd", "adddate", "add_months"), "a + INTERVAL 1 DAY"),
        **dict.fromkeys(("charindex", "locate"), "instr(text, part)"),
        "substring_index": "split_part(a, ',', 1)",
        "convert": "CAST(a AS type)",
        "rand": "random()",
    },
    "mysql": {
        **dict.fromkeys(("string_agg", "listagg"), "group_concat(a SEPARATOR ', ')"),
        "strftime": "date_format(a, '%Y-%m-%d')",
        **dict.fromkeys(("to_date", "strptime"), "str_to_date(a, '%Y-%m-%d')"),
        **dict.fromkeys(("date_trunc", "date_bin"), "date_format(a, '%Y-%m-01')"),
        **dict.fromkeys(("strpos", "charindex"), "instr(text, part)"),
        **dict.fromkeys(("getdate", "today"), "now()"),
        "split_part": "substring_index(a, ',', 1)",
        "dateadd": "date_add(a, INTERVAL 1 DAY)",
        "random": "rand()",
        "len": "length(a)",
        "iif": "if(a, b, c)",
    },
}

# The reasons for refusing functions, by patterns of their names.
_REASONS: Final = (
    (re.compile(r"sleep|benchmark"), "It only waits."),
    (
        re.compile(
            r"^(pg_(read|ls|stat_file)|lo_|load_file|read_|write_|sniff_|glob$|parquet_|file_)"
        ),
        "It accesses files on the database server.",
    ),
    (re.compile(r"^(dblink|query_to_|table_to_|schema_to_|database_to_|cursor_to_|ts_stat|"
                r"ts_rewrite|query$|query_table$)"), "It runs SQL from a string."),
    (re.compile(r"setting|set_config|_conf"), "It shows or changes settings of the server."),
    (re.compile(r"lock"), "It blocks other users."),
    (re.compile(r"^(pg_(terminate|cancel|signal|reload|rotate|promote)|kill)"),
     "It acts on other sessions."),
    (re.compile(r"^(nextval|setval|currval|lastval)$"),
     "It belongs to a sequence, which only a write may draw from, by nextval."),
    (re.compile(r"^(found_rows|row_count|last_insert_id)$"),
     "It depends on the previous statement, and sessions aren't kept here."),
    (re.compile(r"^(version|current_|session_|system_|user$|database$|schema$|connection_id)"),
     "It reveals the server and the login of the connection."),
    (re.compile(r"^(pg_|has_\w+_privilege|row_security|txid_|inet_(client|server)_|duckdb_|pragma_)"),
     "It reveals details of the server. Use information_schema for tables and columns."),
)  # fmt: skip

_STATEMENTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        words("begin start commit rollback savepoint release abort end xa"),
        "Each statement is its own transaction.",
    ),
    **dict.fromkeys(
        words("set reset use"),
        "The connection's settings are fixed; name a schema before the table, and a time zone by AT "
        "TIME ZONE.",
    ),
    "pragma": "Use DESCRIBE, SUMMARIZE or information_schema for tables and columns.",
    "replace": "Write INSERT … ON DUPLICATE KEY UPDATE.",
    "attach": "Add a connection for another database; a copy task moves data between two.",
    **dict.fromkeys(
        words("show describe desc"), "Use SELECT on information_schema for tables and columns."
    ),
    **dict.fromkeys(
        words("copy load import export unload"),
        "Use a load or a copy task of a pipeline.",
    ),
    **dict.fromkeys(
        words("call do execute prepare deallocate handler"),
        "Code in a text can't be run here. A procedure of the database can, by CALL.",
    ),
    **dict.fromkeys(
        words("grant revoke vacuum analyze reindex cluster checkpoint optimize repair refresh"),
        "That is for the database's own tools.",
    ),
    **dict.fromkeys(words("lock unlock"), "A statement locks what it writes automatically."),
    **dict.fromkeys(words("declare fetch close move"), "Results are streamed without a cursor."),
}

# Syntax whose class name in the parser wouldn't help a user.
_SYNTAX: Final[Mapping[type[exp.Expr], tuple[str, str]]] = {
    exp.Opclass: ("An operator class in an index", "Leave it out, or create the index elsewhere"),
    exp.National: ("A string N'…'", "Write '…' without the N"),
    exp.Hint: ("A hint", "Leave it out"),
    exp.SessionParameter: ("A variable @@…", "Leave it out"),
}


def function_refused(name: str, known: frozenset[str], rules: DialectRules) -> Forbidden:
    """A function that isn't on the list, with the nearest that is, or the reason.

    Args:
        known: the names that are allowed here; empty if none is.
    """
    plain = name.strip('"`').rpartition(".")[2].lower()
    instead = _INSTEAD.get(rules.name, {}).get(plain)
    near: list[str] = []
    if instead is None and known:
        writable = known - rules.sealed_functions.keys()
        close = difflib.get_close_matches(plain, writable, 3, 0.78)
        near = [it for it in close if _alike(it, plain)]
    if plain in rules.functions and known and plain not in known:
        return Forbidden(
            f"The function {name} isn't allowed in FROM here. Call it in the select list.",
            code="function_not_allowed",
            function=name,
            near=[],
        )
    if instead is not None:
        hint = f" Write {instead}."
    elif near:
        hint = f" Did you mean {', '.join(near)}?"
    else:
        hint = next(
            (f" {why}" for pattern, why in _REASONS if pattern.search(plain)),
            _OWN,
        )
    return Forbidden(
        f"The function {name} isn't on the list of allowed functions.{hint}",
        code="function_not_allowed",
        function=name,
        near=near,
    )


_OWN: Final = (
    " A function of the database's own is called as schema.name, and the owner of the connection "
    "allows it in the connection's settings."
)


def unclosed(sql: str, start: int) -> InvalidInput:
    """A text with a quote or a comment that isn't closed, with the place of its opening."""
    line, column = sql.count("\n", 0, start) + 1, start - sql.rfind("\n", 0, start)
    what = "comment" if sql.startswith("/*", start) else "quote"
    return InvalidInput(
        f"The SQL can't be read: the {what} at line {line}, column {column} isn't closed.",
        code="syntax_error",
        line=line,
        column=column,
        near=None,
    )


def routine_refused(name: RoutineName, rules: DialectRules) -> Forbidden:
    """A function or procedure of the database's own that the connection doesn't allow."""
    near = difflib.get_close_matches(str(name), map(str, rules.routines), 3, 0.78)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    return Forbidden(
        f"{name} isn't one of the functions and procedures that this connection allows.{hint} The "
        "owner of the connection can add it in the connection's settings.",
        code="function_not_allowed",
        function=str(name),
        near=near,
    )


def _alike(one: str, other: str) -> bool:
    """True if one is probably a typo of the other; short names must be nearly equal."""
    return (
        one[:1] == other[:1]
        and abs(len(one) - len(other)) <= 2
        and (min(len(one), len(other)) > 3 or len(one) == len(other))
    )


def type_refused(name: str) -> Forbidden:
    """A type that isn't on the list."""
    return Forbidden(
        f"The type {name.lower()} isn't on the list of allowed types. Types that a database adds "
        "(enums, domains, extensions) can run custom code; cast to text instead.",
        code="type_not_allowed",
        type=name.lower(),
    )


def syntax_refused(node: exp.Expr, rules: DialectRules) -> Forbidden:
    """Syntax that isn't on the list, as it was written."""
    known = _SYNTAX.get(type(node))
    if known is not None:
        return Forbidden(f"{known[0]} isn't supported here. {known[1]}.", code="syntax_not_allowed")
    what = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).lower()
    return Forbidden(
        f"This syntax isn't supported: {what}{quoted(node, rules)}. Write it differently.",
        code="syntax_not_allowed",
    )


def not_reproducible(tree: exp.Expr, again: exp.Expr | None, rules: DialectRules) -> InvalidInput:
    """A statement whose rendered text parses to a different tree, with the place where they differ.

    Args:
        again: the second tree; ``None`` if the text couldn't be parsed at all.
    """
    place = ""
    if again is not None:
        for one, other in zip(tree.walk(), again.walk(), strict=False):
            if type(one) is not type(other) or _own(one) != _own(other):
                place = quoted(one.parent or one, rules)
                break
    return InvalidInput(
        f"The Workbench can't reproduce this statement{place} exactly, so it isn't run. "
        "Write that part differently, for example without abbreviations, or tell your "
        "administrator.",
        code="not_reproducible",
    )


def _own(node: exp.Expr) -> dict[str, object]:
    return {
        key: value
        for key, value in node.args.items()
        if value and not isinstance(value, exp.Expr | list)
    }


def quoted(node: exp.Expr, rules: DialectRules) -> str:
    """The beginning of a node's text in quotes; empty if it has none."""
    try:
        text = node.sql(dialect=rules.name, comments=False)
    except Exception:  # the generator doesn't know it either
        return ""
    text = "".join(letter for letter in text if letter.isprintable()).strip()
    return f" (“{text[:60]}{'…' if len(text) > 60 else ''}”)" if text else ""


def statement_refused(what: str) -> Forbidden:
    """A kind of statement that doesn't run here."""
    what = what.strip()
    instead = _STATEMENTS.get(what.split(" ")[0].lower(), "")
    return Forbidden(f"{what} isn't allowed here. {instead}".strip(), code="statement_not_allowed")
