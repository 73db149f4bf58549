"""Finds user-defined code in a database that a statement would run without calling it by name.

The gate allows only calls of PostgreSQL's built-in functions, and qualifies them. Where a name can't
be qualified, the database is queried before each statement:

- a name after a dot is a call if no column has it (``dialects.fields``);
- a user-defined operator or cast may match better than the built-in one, or belong to a user-defined
  type, and is called by ``=``, IN, CASE, ORDER BY, or by a function that produces text;
- a function may have the name of an extension's allowed function, whose schema isn't known;
- an allowed function of the database's own (``dialects.routines``) may have variants, or share its
  name with a type, so that a call would be another one or a cast;
- a domain's check runs when a function creates its values, or when a string becomes an array or a
  row that contains it.

Code that belongs to an extension is ignored, except after a dot: users who may install extensions can
do more than that anyway. Types count only if a table of the statement has them; the rest of the
database may contain anything.

The round trip that begins a transaction carries a short query (``quick_check``) that tells if there are
any candidates at all; only then a second one (``full_check``) tells if they concern this statement. Nothing
in the database can influence these queries: every function, type and operator is qualified, and only
built-in casts are used. They return one row, or fail with what they found; any other result means
that they didn't run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ...gate.dialects.base import RoutineName
from ...gate.dialects.fields import Named
from ...gate.dialects.postgres.dialect import HARMLESS
from ...gate.dialects.tables import TableRef
from ...kit.errors import SourceFailed, WorkbenchError
from .settings import PATH_IS_WRONG
from .shadow_queries import (
    CASTS,
    DOMAINS,
    DOTS,
    EQ,
    FUNCTIONS,
    NAMESAKES,
    ONLY_ONE,
    OPERATORS,
    ORDERINGS,
    REACH,
    ROUTINES,
    TAKES_ONE,
    TYPES,
    USER,
    of_no_extension,
)
from .shadow_refusals import REFUSALS

# In two parts, since an error may quote the query itself.
_MARK: Final = ("workbench-", "found:")
_END: Final = ":end"
_SEPARATOR: Final = "\x1f"
# Keywords that call operators, and these operators.
_EQUALS: Final = ("=", "<>")
_BY_WORD: Final = {
    **dict.fromkeys(("in", "case", "nullif", "using", "natural", "distinct", "cycle"), _EQUALS),
    "between": ("<=", ">=", "<", ">"),
    "overlaps": ("<=", ">=", "<", ">"),
    "like": ("~~", "!~~"),
    "ilike": ("~~*", "!~~*"),
    "similar": ("~", "!~"),
}
_WORDS: Final = re.compile(rf"\b(?:{'|'.join(_BY_WORD)})\b", re.IGNORECASE)
# A domain's check that calls a built-in function with such a name is examined more closely.
_RISKY: Final = (
    "(^|[^a-z0-9_])(pg_|lo|query_|table_|schema_|database_|cursor_|set|nextval|currval|ts_)"
)
_SIGNS: Final = re.compile(r"[-+*/<>=~!@#%^&|`?]+")
_LONGEST_SIGN: Final = 8


def is_plain(named: Named) -> bool:
    """True if a statement names nothing of an extension, so that ``quick_check`` may be brief."""
    return not (named.functions or named.types or named.routines)


def quick_check(named: Named, sql: str, *, brief: bool = False) -> str:
    """The short query: it returns one row, or fails if ``full_check`` has to run.

    It doesn't correct the search path, which takes time; if the path is wrong, it fails too.

    Args:
        named: the names in question.
        sql: the statement.
        brief: True to omit the exceptions of each kind, such as code of extensions. Planning these
            takes the database longer than all the rest.
    """
    kinds = [
        (
            f"pg_cast x WHERE x.oid {USER}",
            f"x.castfunc {USER} AND {of_no_extension(2605)} "  # noqa: S608
            f"OR x.castcontext {EQ} 'i'::pg_catalog.\"char\" AND (SELECT t.typtype FROM "
            f"pg_catalog.pg_type t WHERE t.oid {EQ} x.castsource) {EQ} 'c'::pg_catalog.\"char\"",
        ),
        (f"pg_opclass x WHERE x.oid {USER} AND x.opcdefault", of_no_extension(2616)),
        (
            f"pg_operator x WHERE x.oid {USER} AND x.oprname {EQ} ANY ({_array(_signs(sql))})",
            of_no_extension(2617),
        ),
    ]
    if named.functions:
        names = _array(named.functions)
        kinds.append(
            (
                f"pg_proc x WHERE x.proname {EQ} ANY ({names}) AND x.oid {USER}",
                of_no_extension(1255),
            )
        )
    if named.types:
        kinds.append(
            (
                f"pg_type x WHERE x.typname {EQ} ANY ({_array(named.types)})",
                of_no_extension(1247),
            )
        )
    if _makes_values(named, sql):
        kinds.append(
            (
                # Not of a table: an index finds these, and tables have many constraints.
                f"pg_constraint x WHERE x.conrelid {EQ} '0'::pg_catalog.oid "
                f"AND x.contypid OPERATOR(pg_catalog.>) '0'::pg_catalog.oid AND x.oid {USER}",
                "x.conbin::pg_catalog.text OPERATOR(pg_catalog.~) "
                "'funcid [1-9][0-9][0-9][0-9][0-9]' OR pg_catalog.pg_get_constraintdef(x.oid) "
                f"OPERATOR(pg_catalog.~) '{_RISKY}'",
            )
        )
    never = named.of_values - HARMLESS
    if named.of_values:
        kinds.append(
            (
                f"pg_type x WHERE x.typname {EQ} ANY ({_array(named.of_values)})",
                f"x.oid {USER} OR x.typname {EQ} ANY ({_array(never)})",
            )
        )
    if named.of_values or named.of_rows:
        # Built-in functions take no row, or are harmless.
        kinds.append(
            (
                f"pg_proc x WHERE x.proname {EQ} "
                f"ANY ({_array(named.of_values | named.of_rows.keys())}) "
                f"AND (x.oid {USER} OR x.proname {EQ} ANY ({_array(never)}))",
                TAKES_ONE,
            )
        )
    some = " OR ".join(
        f"EXISTS (SELECT FROM pg_catalog.{kind if brief else f'{kind} AND ({closer})'})"
        for kind, closer in kinds
    )
    if named.routines:
        some += f" OR EXISTS ({_routines(named)})"
    return (
        f"SELECT CASE WHEN {PATH_IS_WRONG} OR {some} THEN pg_catalog.int4in(pg_catalog.textout("
        f"pg_catalog.concat('{_MARK[0]}', '{_MARK[1]}', '{_END}'))) ELSE '1'::pg_catalog.int4 END"
    )


def full_check(named: Named, tables: Iterable[TableRef], sql: str) -> str:
    """The full query: it returns one row, or fails with what concerns this statement."""
    parts = [CASTS, ORDERINGS, OPERATORS.format(signs=_array(_signs(sql)))]
    if named.functions:
        parts.append(FUNCTIONS.format(names=_array(named.functions)))
    if named.types:
        parts.append(NAMESAKES.format(types=_array(named.types)))
    if _makes_values(named, sql):
        coerces = str(named.coerces).lower()
        parts.append(DOMAINS.format(harmless=_array(HARMLESS), coerces=coerces))
    if named.of_values:
        never = _array(named.of_values - HARMLESS)
        parts.append(TYPES.format(all=_array(named.of_values), never=never))
    if named.of_values or named.of_rows:
        parts.append(_dots(named))
    if named.routines:
        parts.append(_routines(named))
    called = sorted(named.routines)
    reach = REACH.format(
        routines=" OR ".join(_is(each) for each in called) or "false",
        tables=_array({table.name for table in tables}),
        everything=str(named.columns is None).lower(),
        columns=_array(named.columns or ()),
        types=_array(named.types),
    )
    return (
        f"{reach} SELECT CASE WHEN f.names IS NULL THEN '1'::pg_catalog.int4 ELSE "  # noqa: S608
        "pg_catalog.int4in(pg_catalog.textout(pg_catalog.concat("
        f"'{_MARK[0]}', '{_MARK[1]}', f.names, '{_END}'))) END FROM (SELECT pg_catalog.string_agg(x.name, "
        f"pg_catalog.chr(31)) FROM ({' UNION ALL '.join(parts)}) x(name)) f(names)"
    )


def _makes_values(named: Named, sql: str) -> bool:
    """True if it may create values of a domain: from a string, or by one of a few functions."""
    return named.coerces or "'" in sql


def _routines(named: Named) -> str:
    called = sorted(named.routines)
    allowed = (f"{_is(each)} AND {_is_variant(each.arguments)}" for each in called)
    return ROUTINES.format(
        called=" OR ".join(map(_is, called)),
        allowed=" OR ".join(allowed),
        types=" OR ".join(_is(each, "p.typname") for each in called),
    )


def _is(routine: RoutineName, name: str = "p.proname") -> str:
    return (
        f"n.nspname {EQ} ANY ({_array([routine.schema])}) AND {name} {EQ} ANY "
        f"({_array([routine.name])})"
    )


def _is_variant(arguments: str) -> str:
    """A condition that a routine is the variant with these types, or the only one of its name."""
    if not arguments:
        return ONLY_ONE
    # The types are plain words: see gate.dialects.routines.
    types = (
        f"COALESCE(pg_catalog.format_type(pg_catalog.to_regtype('{each}'::pg_catalog.text), NULL), '?')"
        for each in arguments[1:-1].split(", ")
        if each
    )
    text = f"pg_catalog.concat_ws(', ', '', {', '.join(types)})" if arguments != "()" else "', '"
    return f"pg_catalog.concat(', ', pg_catalog.oidvectortypes(p.proargtypes)) {EQ} {text}"


def _dots(named: Named) -> str:
    owners = [
        (name, table.schema or "", table.name)
        for name, tables in named.of_rows.items()
        for table in tables or ()
    ]
    rows = frozenset(named.of_rows)
    return DOTS.format(
        all=_array(rows | named.of_values),
        never=_array(named.of_values - HARMLESS),
        values=_array(named.of_values),
        rows=_array(rows),
        provable=_array({name for name, _, _ in owners}),
        columns=_array(name for name, _, _ in owners),
        schemas=_array(schema for _, schema, _ in owners),
        tables=_array(table for _, _, table in owners),
    )


_PLAIN: Final = re.compile(r"[a-z0-9_<>=~!@#%^&|`?*/+-]+")


def _array(names: Iterable[str]) -> str:
    """An array of names. Only plain ones are literals: no setting may change how others are read."""
    listed = list(names)
    if all(_PLAIN.fullmatch(name) for name in listed):
        items = ",".join(f'"{name}"' for name in listed)
        return f"'{{{items}}}'::pg_catalog.name[]"
    coded = ", ".join(
        f"pg_catalog.convert_from(pg_catalog.decode('{name.encode().hex()}', 'hex'), 'UTF8')"
        f"::pg_catalog.name"
        for name in listed
    )
    return f"ARRAY[{coded}]"


def _signs(sql: str) -> frozenset[str]:
    """Every operator that a text may contain, and those that its keywords call."""
    found = {sign for word in set(_WORDS.findall(sql)) for sign in _BY_WORD[word.lower()]}
    for run in set(_SIGNS.findall(sql)):
        for start in range(len(run)):
            for end in range(start + 1, min(len(run), start + _LONGEST_SIGN) + 1):
                found.add(run[start:end])
    return frozenset(found)


def require_answer(count: int) -> None:
    """Refuses to continue unless the query returned exactly one row.

    Raises:
        SourceFailed: it didn't (``not_looked``).
    """
    if count != 1:
        raise SourceFailed(
            "The database didn't tell whether user-defined code would run in this statement, so it "
            "isn't run.",
            code="not_looked",
        )


def found(message: str) -> list[str] | None:
    """What the error of a query has found; ``None`` for other errors."""
    match = re.search(f"{''.join(_MARK)}(.*){_END}", message, re.DOTALL)
    return match[1].split(_SEPARATOR) if match else None


def refusal(names: list[str]) -> WorkbenchError:
    """The refusal of a statement for which ``full_check`` has found these."""
    kind, _, name = min(names).partition(":")
    return REFUSALS[kind](name)
