"""The parts of the queries of ``shadows``: each finds one kind of user-defined code.

Built from constants only; ``shadows`` fills in the names in braces. Every function, type and operator is
qualified, so that nothing in the database can influence what they find.
"""

from __future__ import annotations

from typing import Final

# record, any, anyelement, anynonarray, anycompatible, anycompatiblenonarray
_ROW_TYPES: Final = ", ".join(
    f"'{oid}'::pg_catalog.oid" for oid in (2249, 2276, 2283, 2776, 5077, 5079)
)
EQ, _NE, _GE, _LE = (f"OPERATOR(pg_catalog.{sign})" for sign in ("=", "<>", ">=", "<="))
USER: Final = f"{_GE} '16384'::pg_catalog.oid"  # FirstNormalObjectId
_FOUND: Final = "pg_catalog.concat_ws(':', "

# The user-defined types that values from the statement's tables and casts may have; ``inner_`` marks
# those of an array's elements and a composite column's fields.
REACH: Final = f"""
WITH RECURSIVE reach(type, inner_) AS (
    (SELECT s.type, s.inner_ FROM pg_catalog.pg_class c CROSS JOIN LATERAL (
        SELECT c.reltype, NULL::pg_catalog.bool WHERE {{everything}} UNION ALL
        SELECT a.atttypid, false FROM pg_catalog.pg_attribute a
        WHERE a.attrelid {EQ} c.oid AND a.attnum OPERATOR(pg_catalog.>) '0'::pg_catalog.int2
        AND ({{everything}} OR a.attname {EQ} ANY ({{columns}}))
    ) s(type, inner_) WHERE c.relname {EQ} ANY ({{tables}}) AND s.type {USER}
    UNION ALL SELECT t.oid, false FROM pg_catalog.pg_type t
    WHERE t.typname {EQ} ANY ({{types}}) AND t.oid {USER}
    UNION ALL SELECT s.type, true FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid {EQ} p.pronamespace CROSS JOIN LATERAL
    pg_catalog.unnest(p.proargtypes::pg_catalog.oid[] OPERATOR(pg_catalog.||) p.proallargtypes
        OPERATOR(pg_catalog.||) p.prorettype) s(type)
    WHERE ({{routines}}) AND s.type {USER})
    UNION
    SELECT s.type, s.inner_ FROM reach r JOIN pg_catalog.pg_type t ON t.oid {EQ} r.type
    CROSS JOIN LATERAL (
        SELECT t.typelem, true UNION ALL SELECT t.typbasetype, r.inner_ UNION ALL
        SELECT a.atttypid, r.inner_ IS NOT NULL FROM pg_catalog.pg_attribute a
        WHERE a.attrelid {EQ} t.typrelid
        UNION ALL SELECT g.rngsubtype, true FROM pg_catalog.pg_range g
        WHERE g.rngtypid {EQ} t.oid
        UNION ALL SELECT g.rngtypid, true FROM pg_catalog.pg_range g
        WHERE g.rngmultitypid {EQ} t.oid
    ) s(type, inner_) WHERE s.type {USER}
)"""  # noqa: S608  put together from constants


def _of_extension(catalog: int, oid: str) -> str:
    return (
        f"EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid {EQ} "
        f"'{catalog}'::pg_catalog.oid AND d.objid {EQ} {oid} "
        f"AND d.deptype {EQ} 'e'::pg_catalog.\"char\")"
    )


def _reached(*types: str) -> str:
    """A condition that the statement's tables have one of these types."""
    return " OR ".join(
        f"{each} {EQ} ANY (ARRAY(SELECT r.type FROM reach r))"  # noqa: S608
        for each in types
    )


_BOTH_BUILT_IN: Final = "NOT ({0} " + USER + ") AND NOT ({1} " + USER + ")"

# An implicit cast from a table's row to something else: then any function can be called with a row.
_ROW_CAST: Final = f"""EXISTS (
    SELECT FROM pg_catalog.pg_cast k JOIN pg_catalog.pg_type s ON s.oid {EQ} k.castsource
    WHERE k.oid {USER} AND k.castcontext {EQ} 'i'::pg_catalog."char"
    AND s.typtype {EQ} 'c'::pg_catalog."char")"""

TAKES_ONE: Final = (
    "x.pronargs OPERATOR(pg_catalog.>) '0'::pg_catalog.int2 AND "
    f"(x.pronargs OPERATOR(pg_catalog.-) x.pronargdefaults) {_LE} '1'::pg_catalog.int2"
)
_TAKES_ROWS: Final = f"""EXISTS (
    SELECT FROM pg_catalog.unnest(ARRAY[x.proargtypes[0], x.provariadic]) e(type)
    LEFT JOIN pg_catalog.pg_type t ON t.oid {EQ} e.type
    WHERE e.type {EQ} ANY (ARRAY[{_ROW_TYPES}]) OR t.typtype {EQ} 'c'::pg_catalog."char"
    OR t.typtype {EQ} 'd'::pg_catalog."char")"""

CASTS: Final = f"""
SELECT {_FOUND}'cast', pg_catalog.format_type(x.castsource, NULL),
    pg_catalog.format_type(x.casttarget, NULL)) FROM pg_catalog.pg_cast x
WHERE x.oid {USER} AND x.castfunc {USER} AND NOT {_of_extension(2605, "x.oid")}
AND ({_BOTH_BUILT_IN.format("x.castsource", "x.casttarget")}
    OR {_reached("x.castsource", "x.casttarget")})"""  # noqa: S608

OPERATORS: Final = f"""
SELECT {_FOUND}'operator', x.oprname) FROM pg_catalog.pg_operator x
WHERE x.oid {USER} AND x.oprname {EQ} ANY ({{signs}})
AND pg_catalog.pg_operator_is_visible(x.oid) AND NOT {_of_extension(2617, "x.oid")}
AND ({_BOTH_BUILT_IN.format("x.oprleft", "x.oprright")}
    OR {_reached("x.oprleft", "x.oprright")})"""  # noqa: S608

# Operator classes, by which ORDER BY, DISTINCT, GROUP BY and row comparisons order and hash values.
ORDERINGS: Final = f"""
SELECT {_FOUND}'ordering', pg_catalog.format_type(x.opcintype, NULL)) FROM pg_catalog.pg_opclass x
WHERE x.oid {USER} AND x.opcdefault AND NOT {_of_extension(2616, "x.oid")}
AND x.opcmethod {EQ} ANY ('{{403,405}}'::pg_catalog.oid[])
AND (NOT (x.opcintype {USER}) OR {_reached("x.opcintype")})"""  # noqa: S608

FUNCTIONS: Final = f"""
SELECT {_FOUND}'function', x.proname) FROM pg_catalog.pg_proc x
WHERE x.proname {EQ} ANY ({{names}}) AND x.oid {USER} AND NOT {_of_extension(1255, "x.oid")}"""  # noqa: S608

# The functions that a domain's check calls, directly or through an operator.
_CALLED: Final = f"""CROSS JOIN LATERAL pg_catalog.regexp_matches(
    x.conbin::pg_catalog.text, ' :(funcid|opfuncid) ([0-9]+)', 'g') m(found)
JOIN pg_catalog.pg_proc p ON p.oid {EQ} pg_catalog.oidin(pg_catalog.textout(m.found[2]))"""

DOMAINS: Final = f"""
SELECT {_FOUND}'domain', pg_catalog.format_type(x.contypid, NULL))
FROM pg_catalog.pg_constraint x {_CALLED}
WHERE x.contypid {EQ} ANY (ARRAY(
    SELECT r.type FROM reach r WHERE r.inner_ OR {{coerces}}))
AND CASE WHEN p.oid {USER} THEN NOT {_of_extension(1255, "p.oid")}
    ELSE m.found[1] {EQ} 'funcid' AND NOT (p.proname {EQ} ANY ({{harmless}})) END"""  # noqa: S608

DOTS: Final = f"""
SELECT {_FOUND}CASE WHEN x.proname {EQ} ANY ({{values}}) THEN 'field' ELSE 'dot' END, x.proname)
FROM pg_catalog.pg_proc x
WHERE x.proname {EQ} ANY ({{all}}) AND pg_catalog.pg_function_is_visible(x.oid) AND {TAKES_ONE}
AND (
    x.proname {EQ} ANY ({{never}})
    OR x.oid {USER} AND x.proname {EQ} ANY ({{values}})
    OR x.proname {EQ} ANY ({{rows}}) AND (
        x.oid {USER} AND NOT {_of_extension(1255, "x.oid")} AND {_TAKES_ROWS}
        OR {_ROW_CAST}
    ) AND NOT (x.proname {EQ} ANY ({{provable}}) AND NOT EXISTS (
        SELECT FROM ROWS FROM (pg_catalog.unnest({{columns}}), pg_catalog.unnest({{schemas}}),
            pg_catalog.unnest({{tables}})) o(name, space, relation)
        WHERE o.name {EQ} x.proname AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_class c
            JOIN pg_catalog.pg_namespace n ON n.oid {EQ} c.relnamespace
            JOIN pg_catalog.pg_attribute a ON a.attrelid {EQ} c.oid
            WHERE c.relname {EQ} o.relation AND a.attname {EQ} o.name AND NOT a.attisdropped
            AND CASE WHEN o.space {EQ} ''::pg_catalog.name
                THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname {EQ} o.space END
        )
    ))
)"""  # noqa: S608

TYPES: Final = f"""
SELECT {_FOUND}'type', x.typname) FROM pg_catalog.pg_type x
WHERE x.typname {EQ} ANY ({{all}}) AND pg_catalog.pg_type_is_visible(x.oid)
AND (x.oid {USER} OR x.typname {EQ} ANY ({{never}}))"""  # noqa: S608


# Variants of a called routine that the list doesn't have, and types of its name, to which a call may be a
# cast. A missing routine is the database's to report.
ROUTINES: Final = f"""
SELECT {_FOUND}'routine', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes))
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid {EQ} p.pronamespace
WHERE ({{called}}) AND NOT ({{allowed}})
UNION ALL SELECT {_FOUND}'routine_type', n.nspname, p.typname)
FROM pg_catalog.pg_type p JOIN pg_catalog.pg_namespace n ON n.oid {EQ} p.typnamespace
WHERE {{types}}"""  # noqa: S608
ONLY_ONE: Final = (
    "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc o WHERE o.pronamespace "  # noqa: S608
    f"{EQ} p.pronamespace AND o.proname {EQ} p.proname) {EQ} '1'::pg_catalog.int8"
)


# Types with the name of an extension's type that don't belong to an extension.
NAMESAKES: Final = f"""
SELECT {_FOUND}'namesake', x.typname) FROM pg_catalog.pg_type x
WHERE x.typname {EQ} ANY ({{types}}) AND NOT {_of_extension(1247, "x.oid")}"""  # noqa: S608


def of_no_extension(catalog: int) -> str:
    """A condition in a form that uses an index, for each of the few remaining rows."""
    return (
        "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_depend d "  # noqa: S608
        f"WHERE d.classid {EQ} '{catalog}'::pg_catalog.oid AND d.objid {EQ} x.oid "
        f"AND d.deptype {EQ} 'e'::pg_catalog.\"char\") {EQ} '0'::pg_catalog.int8"
    )
