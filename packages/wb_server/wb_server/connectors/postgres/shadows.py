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
# record, any, anyelement, anynonarray, anycompatible, anycompatiblenonarray
_ROW_TYPES: Final = ", ".join(
    f"'{oid}'::pg_catalog.oid" for oid in (2249, 2276, 2283, 2776, 5077, 5079)
)
_EQ, _NE, _GE, _LE = (f"OPERATOR(pg_catalog.{sign})" for sign in ("=", "<>", ">=", "<="))
_USER: Final = f"{_GE} '16384'::pg_catalog.oid"  # FirstNormalObjectId
_FOUND: Final = "pg_catalog.concat_ws(':', "

# The user-defined types that values from the statement's tables and casts may have; ``inner_`` marks
# those of an array's elements and a composite column's fields.
_REACH: Final = f"""
WITH RECURSIVE reach(type, inner_) AS (
    (SELECT s.type, s.inner_ FROM pg_catalog.pg_class c CROSS JOIN LATERAL (
        SELECT c.reltype, NULL::pg_catalog.bool WHERE {{everything}} UNION ALL
        SELECT a.atttypid, false FROM pg_catalog.pg_attribute a
        WHERE a.attrelid {_EQ} c.oid AND a.attnum OPERATOR(pg_catalog.>) '0'::pg_catalog.int2
        AND ({{everything}} OR a.attname {_EQ} ANY ({{columns}}))
    ) s(type, inner_) WHERE c.relname {_EQ} ANY ({{tables}}) AND s.type {_USER}
    UNION ALL SELECT t.oid, false FROM pg_catalog.pg_type t
    WHERE t.typname {_EQ} ANY ({{types}}) AND t.oid {_USER}
    UNION ALL SELECT s.type, true FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid {_EQ} p.pronamespace CROSS JOIN LATERAL
    pg_catalog.unnest(p.proargtypes::pg_catalog.oid[] OPERATOR(pg_catalog.||) p.proallargtypes
        OPERATOR(pg_catalog.||) p.prorettype) s(type)
    WHERE ({{routines}}) AND s.type {_USER})
    UNION
    SELECT s.type, s.inner_ FROM reach r JOIN pg_catalog.pg_type t ON t.oid {_EQ} r.type
    CROSS JOIN LATERAL (
        SELECT t.typelem, true UNION ALL SELECT t.typbasetype, r.inner_ UNION ALL
        SELECT a.atttypid, r.inner_ IS NOT NULL FROM pg_catalog.pg_attribute a
        WHERE a.attrelid {_EQ} t.typrelid
        UNION ALL SELECT g.rngsubtype, true FROM pg_catalog.pg_range g
        WHERE g.rngtypid {_EQ} t.oid
        UNION ALL SELECT g.rngtypid, true FROM pg_catalog.pg_range g
        WHERE g.rngmultitypid {_EQ} t.oid
    ) s(type, inner_) WHERE s.type {_USER}
)"""  # noqa: S608  put together from constants


def _of_extension(catalog: int, oid: str) -> str:
    return (
        f"EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid {_EQ} "
        f"'{catalog}'::pg_catalog.oid AND d.objid {_EQ} {oid} "
        f"AND d.deptype {_EQ} 'e'::pg_catalog.\"char\")"
    )


def _reached(*types: str) -> str:
    """A condition that the statement's tables have one of these types."""
    return " OR ".join(
        f"{each} {_EQ} ANY (ARRAY(SELECT r.type FROM reach r))"  # noqa: S608
        for each in types
    )


_BOTH_BUILT_IN: Final = "NOT ({0} " + _USER + ") AND NOT ({1} " + _USER + ")"

# An implicit cast from a table's row to something else: then any function can be called with a row.
_ROW_CAST: Final = f"""EXISTS (
    SELECT FROM pg_catalog.pg_cast k JOIN pg_catalog.pg_type s ON s.oid {_EQ} k.castsource
    WHERE k.oid {_USER} AND k.castcontext {_EQ} 'i'::pg_catalog."char"
    AND s.typtype {_EQ} 'c'::pg_catalog."char")"""

_TAKES_ONE: Final = (
    "x.pronargs OPERATOR(pg_catalog.>) '0'::pg_catalog.int2 AND "
    f"(x.pronargs OPERATOR(pg_catalog.-) x.pronargdefaults) {_LE} '1'::pg_catalog.int2"
)
_TAKES_ROWS: Final = f"""EXISTS (
    SELECT FROM pg_catalog.unnest(ARRAY[x.proargtypes[0], x.provariadic]) e(type)
    LEFT JOIN pg_catalog.pg_type t ON t.oid {_EQ} e.type
    WHERE e.type {_EQ} ANY (ARRAY[{_ROW_TYPES}]) OR t.typtype {_EQ} 'c'::pg_catalog."char"
    OR t.typtype {_EQ} 'd'::pg_catalog."char")"""

_CASTS: Final = f"""
SELECT {_FOUND}'cast', pg_catalog.format_type(x.castsource, NULL),
    pg_catalog.format_type(x.casttarget, NULL)) FROM pg_catalog.pg_cast x
WHERE x.oid {_USER} AND x.castfunc {_USER} AND NOT {_of_extension(2605, "x.oid")}
AND ({_BOTH_BUILT_IN.format("x.castsource", "x.casttarget")}
    OR {_reached("x.castsource", "x.casttarget")})"""  # noqa: S608

_OPERATORS: Final = f"""
SELECT {_FOUND}'operator', x.oprname) FROM pg_catalog.pg_operator x
WHERE x.oid {_USER} AND x.oprname {_EQ} ANY ({{signs}})
AND pg_catalog.pg_operator_is_visible(x.oid) AND NOT {_of_extension(2617, "x.oid")}
AND ({_BOTH_BUILT_IN.format("x.oprleft", "x.oprright")}
    OR {_reached("x.oprleft", "x.oprright")})"""  # noqa: S608

# Operator classes, by which ORDER BY, DISTINCT, GROUP BY and row comparisons order and hash values.
_ORDERINGS: Final = f"""
SELECT {_FOUND}'ordering', pg_catalog.format_type(x.opcintype, NULL)) FROM pg_catalog.pg_opclass x
WHERE x.oid {_USER} AND x.opcdefault AND NOT {_of_extension(2616, "x.oid")}
AND x.opcmethod {_EQ} ANY ('{{403,405}}'::pg_catalog.oid[])
AND (NOT (x.opcintype {_USER}) OR {_reached("x.opcintype")})"""  # noqa: S608

_FUNCTIONS: Final = f"""
SELECT {_FOUND}'function', x.proname) FROM pg_catalog.pg_proc x
WHERE x.proname {_EQ} ANY ({{names}}) AND x.oid {_USER} AND NOT {_of_extension(1255, "x.oid")}"""  # noqa: S608

# The functions that a domain's check calls, directly or through an operator.
_CALLED: Final = f"""CROSS JOIN LATERAL pg_catalog.regexp_matches(
    x.conbin::pg_catalog.text, ' :(funcid|opfuncid) ([0-9]+)', 'g') m(found)
JOIN pg_catalog.pg_proc p ON p.oid {_EQ} pg_catalog.oidin(pg_catalog.textout(m.found[2]))"""

_DOMAINS: Final = f"""
SELECT {_FOUND}'domain', pg_catalog.format_type(x.contypid, NULL))
FROM pg_catalog.pg_constraint x {_CALLED}
WHERE x.contypid {_EQ} ANY (ARRAY(
    SELECT r.type FROM reach r WHERE r.inner_ OR {{coerces}}))
AND CASE WHEN p.oid {_USER} THEN NOT {_of_extension(1255, "p.oid")}
    ELSE m.found[1] {_EQ} 'funcid' AND NOT (p.proname {_EQ} ANY ({{harmless}})) END"""  # noqa: S608

_DOTS: Final = f"""
SELECT {_FOUND}CASE WHEN x.proname {_EQ} ANY ({{values}}) THEN 'field' ELSE 'dot' END, x.proname)
FROM pg_catalog.pg_proc x
WHERE x.proname {_EQ} ANY ({{all}}) AND pg_catalog.pg_function_is_visible(x.oid) AND {_TAKES_ONE}
AND (
    x.proname {_EQ} ANY ({{never}})
    OR x.oid {_USER} AND x.proname {_EQ} ANY ({{values}})
    OR x.proname {_EQ} ANY ({{rows}}) AND (
        x.oid {_USER} AND NOT {_of_extension(1255, "x.oid")} AND {_TAKES_ROWS}
        OR {_ROW_CAST}
    ) AND NOT (x.proname {_EQ} ANY ({{provable}}) AND NOT EXISTS (
        SELECT FROM ROWS FROM (pg_catalog.unnest({{columns}}), pg_catalog.unnest({{schemas}}),
            pg_catalog.unnest({{tables}})) o(name, space, relation)
        WHERE o.name {_EQ} x.proname AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_class c
            JOIN pg_catalog.pg_namespace n ON n.oid {_EQ} c.relnamespace
            JOIN pg_catalog.pg_attribute a ON a.attrelid {_EQ} c.oid
            WHERE c.relname {_EQ} o.relation AND a.attname {_EQ} o.name AND NOT a.attisdropped
            AND CASE WHEN o.space {_EQ} ''::pg_catalog.name
                THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname {_EQ} o.space END
        )
    ))
)"""  # noqa: S608

_TYPES: Final = f"""
SELECT {_FOUND}'type', x.typname) FROM pg_catalog.pg_type x
WHERE x.typname {_EQ} ANY ({{all}}) AND pg_catalog.pg_type_is_visible(x.oid)
AND (x.oid {_USER} OR x.typname {_EQ} ANY ({{never}}))"""  # noqa: S608


# Variants of a called routine that the list doesn't have, and types of its name, to which a call may be a
# cast. A missing routine is the database's to report.
_ROUTINES: Final = f"""
SELECT {_FOUND}'routine', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes))
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid {_EQ} p.pronamespace
WHERE ({{called}}) AND NOT ({{allowed}})
UNION ALL SELECT {_FOUND}'routine_type', n.nspname, p.typname)
FROM pg_catalog.pg_type p JOIN pg_catalog.pg_namespace n ON n.oid {_EQ} p.typnamespace
WHERE {{types}}"""  # noqa: S608
_ONLY_ONE: Final = (
    "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc o WHERE o.pronamespace "  # noqa: S608
    f"{_EQ} p.pronamespace AND o.proname {_EQ} p.proname) {_EQ} '1'::pg_catalog.int8"
)


# Types with the name of an extension's type that don't belong to an extension.
_NAMESAKES: Final = f"""
SELECT {_FOUND}'namesake', x.typname) FROM pg_catalog.pg_type x
WHERE x.typname {_EQ} ANY ({{types}}) AND NOT {_of_extension(1247, "x.oid")}"""  # noqa: S608


def _of_no_extension(catalog: int) -> str:
    """A condition in a form that uses an index, for each of the few remaining rows."""
    return (
        "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_depend d "  # noqa: S608
        f"WHERE d.classid {_EQ} '{catalog}'::pg_catalog.oid AND d.objid {_EQ} x.oid "
        f"AND d.deptype {_EQ} 'e'::pg_catalog.\"char\") {_EQ} '0'::pg_catalog.int8"
    )


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
            f"pg_cast x WHERE x.oid {_USER}",
            f"x.castfunc {_USER} AND {_of_no_extension(2605)} "  # noqa: S608
            f"OR x.castcontext {_EQ} 'i'::pg_catalog.\"char\" AND (SELECT t.typtype FROM "
            f"pg_catalog.pg_type t WHERE t.oid {_EQ} x.castsource) {_EQ} 'c'::pg_catalog.\"char\"",
        ),
        (f"pg_opclass x WHERE x.oid {_USER} AND x.opcdefault", _of_no_extension(2616)),
        (
            f"pg_operator x WHERE x.oid {_USER} AND x.oprname {_EQ} ANY ({_array(_signs(sql))})",
            _of_no_extension(2617),
        ),
    ]
    if named.functions:
        names = _array(named.functions)
        kinds.append(
            (
                f"pg_proc x WHERE x.proname {_EQ} ANY ({names}) AND x.oid {_USER}",
                _of_no_extension(1255),
            )
        )
    if named.types:
        kinds.append(
            (
                f"pg_type x WHERE x.typname {_EQ} ANY ({_array(named.types)})",
                _of_no_extension(1247),
            )
        )
    if _makes_values(named, sql):
        kinds.append(
            (
                # Not of a table: an index finds these, and tables have many constraints.
                f"pg_constraint x WHERE x.conrelid {_EQ} '0'::pg_catalog.oid "
                f"AND x.contypid OPERATOR(pg_catalog.>) '0'::pg_catalog.oid AND x.oid {_USER}",
                "x.conbin::pg_catalog.text OPERATOR(pg_catalog.~) "
                "'funcid [1-9][0-9][0-9][0-9][0-9]' OR pg_catalog.pg_get_constraintdef(x.oid) "
                f"OPERATOR(pg_catalog.~) '{_RISKY}'",
            )
        )
    never = named.of_values - HARMLESS
    if named.of_values:
        kinds.append(
            (
                f"pg_type x WHERE x.typname {_EQ} ANY ({_array(named.of_values)})",
                f"x.oid {_USER} OR x.typname {_EQ} ANY ({_array(never)})",
            )
        )
    if named.of_values or named.of_rows:
        # Built-in functions take no row, or are harmless.
        kinds.append(
            (
                f"pg_proc x WHERE x.proname {_EQ} "
                f"ANY ({_array(named.of_values | named.of_rows.keys())}) "
                f"AND (x.oid {_USER} OR x.proname {_EQ} ANY ({_array(never)}))",
                _TAKES_ONE,
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
    parts = [_CASTS, _ORDERINGS, _OPERATORS.format(signs=_array(_signs(sql)))]
    if named.functions:
        parts.append(_FUNCTIONS.format(names=_array(named.functions)))
    if named.types:
        parts.append(_NAMESAKES.format(types=_array(named.types)))
    if _makes_values(named, sql):
        coerces = str(named.coerces).lower()
        parts.append(_DOMAINS.format(harmless=_array(HARMLESS), coerces=coerces))
    if named.of_values:
        never = _array(named.of_values - HARMLESS)
        parts.append(_TYPES.format(all=_array(named.of_values), never=never))
    if named.of_values or named.of_rows:
        parts.append(_dots(named))
    if named.routines:
        parts.append(_routines(named))
    called = sorted(named.routines)
    reach = _REACH.format(
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
    return _ROUTINES.format(
        called=" OR ".join(map(_is, called)),
        allowed=" OR ".join(allowed),
        types=" OR ".join(_is(each, "p.typname") for each in called),
    )


def _is(routine: RoutineName, name: str = "p.proname") -> str:
    return (
        f"n.nspname {_EQ} ANY ({_array([routine.schema])}) AND {name} {_EQ} ANY "
        f"({_array([routine.name])})"
    )


def _is_variant(arguments: str) -> str:
    """A condition that a routine is the variant with these types, or the only one of its name."""
    if not arguments:
        return _ONLY_ONE
    # The types are plain words: see gate.dialects.routines.
    types = (
        f"COALESCE(pg_catalog.format_type(pg_catalog.to_regtype('{each}'::pg_catalog.text), NULL), '?')"
        for each in arguments[1:-1].split(", ")
        if each
    )
    text = f"pg_catalog.concat_ws(', ', '', {', '.join(types)})" if arguments != "()" else "', '"
    return f"pg_catalog.concat(', ', pg_catalog.oidvectortypes(p.proargtypes)) {_EQ} {text}"


def _dots(named: Named) -> str:
    owners = [
        (name, table.schema or "", table.name)
        for name, tables in named.of_rows.items()
        for table in tables or ()
    ]
    rows = frozenset(named.of_rows)
    return _DOTS.format(
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
