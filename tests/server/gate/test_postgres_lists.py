"""The lists of PostgreSQL's names, compared with a server's own catalog.

Statements are generated from the catalog: each operator between values of its types, each function's
arguments, each type. What the gate renders has to be the same statement to the server.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from support.honest.corpus import Case, Tally, judge
from support.honest.engines import PostgresEngine, on_postgres
from support.postgres import Cluster

from wb_server.gate.dialects.postgres.names import NAMED_TYPES, OPERATORS, PREFIXES
from wb_server.gate.statement import RULES

# They read the clock, random numbers or a sequence, and nothing else.
VOLATILE = {
    "clock_timestamp", "gen_random_uuid", "nextval", "random", "random_normal", "timeofday",
    "uuidv4", "uuidv7", "array_sample", "array_shuffle",
}  # fmt: skip
# Types without literals, or internal to the server.
NO_VALUES = "('aclitem', 'pg_ndistinct', 'pg_brin_bloom_summary', 'pg_mcv_list', 'gtsvector')"


@pytest.fixture(scope="module")
def engine(postgres: Cluster) -> Iterator[PostgresEngine]:
    with on_postgres(postgres, None) as it:
        yield it


@pytest.fixture(scope="module")
def catalog(postgres: Cluster) -> Iterator[psycopg.Connection]:
    with postgres.connect() as it:
        yield it


def agreed(found: list[str], engine: PostgresEngine) -> Tally:
    """Judges expressions, many to a statement, and each alone where such a statement fails."""
    tally = Tally()
    for start in range(0, len(found), 50):
        part = found[start : start + 50]
        one = judge([Case("all", f"select {', '.join(part)}")], "postgres", engine)
        if one.broken or one.different or one.refused[False]:
            one = judge([Case(it, f"select {it}") for it in part], "postgres", engine)
        tally.total[False] += one.total[False]
        tally.refused[False] += one.refused[False]
        tally.different += one.different
        tally.broken += one.broken
    return tally


def test_each_operator_of_the_server_passes(
    engine: PostgresEngine, catalog: psycopg.Connection
) -> None:
    rows = catalog.execute(
        f"""
        select o.oprname, l.typname, r.typname from pg_operator o
        left join pg_type l on l.oid = o.oprleft join pg_type r on r.oid = o.oprright
        where coalesce(l.typtype, 'b') in ('b', 'r', 'm') and r.typtype in ('b', 'r', 'm')
        and coalesce(l.typname, '') not in {NO_VALUES} and r.typname not in {NO_VALUES}
        """
    ).fetchall()
    found = []
    for sign, left, right in rows:
        if {left, right} <= {None, *NAMED_TYPES}:
            operand = f'null::"{right}"'
            found.append(f'null::"{left}" {sign} {operand}' if left else f"{sign} {operand}")
            found.append(f"({found[-1]}) is null and true")
    tally = agreed(found, engine)
    assert len(found) > 1000
    assert not tally.different + tally.refused[False], tally.different + tally.refused[False]


def test_operators_without_spaces_are_tokenized_as_by_the_server(engine: PostgresEngine) -> None:
    operands = ("1", "-1", "+2", "@-3", "@ -3", "|/4", "~5", "- 6", "-|/ 4.0")
    signs = ("+", "-", "*", "<", ">", "<=", ">=", "<>", "=", "%", "^", "#", "&", "|", "<<", ">>")
    found = [f"7{sign}{operand}" for sign in signs for operand in operands]
    found += [f"7 {sign} {operand}" for sign in signs for operand in operands]
    tally = Tally()
    for sql in found:  # those that the server doesn't accept aren't counted
        one = judge([Case(sql, f"select {sql}")], "postgres", engine)
        tally.total[False] += one.total[False]
        tally.different += one.different
        tally.refused[False] += one.refused[False]
    assert tally.total[False] > 100
    assert not tally.different + tally.refused[False], tally.different + tally.refused[False]


def test_the_list_of_operators_is_the_servers(catalog: psycopg.Connection) -> None:
    rows = catalog.execute(
        "select o.oprname, o.oprkind, p.provolatile from pg_operator o "
        "join pg_proc p on p.oid = o.oprcode where o.oprnamespace = 11"
    ).fetchall()
    assert {sign for sign, _, _ in rows} == OPERATORS - {"!="}
    assert {sign for sign, kind, _ in rows if kind == "l"} == PREFIXES
    assert {volatile for _, _, volatile in rows} <= {"i", "s"}


def test_each_type_passes(engine: PostgresEngine, catalog: psycopg.Connection) -> None:
    known = {name for (name,) in catalog.execute("select typname from pg_type")}
    assert known >= NAMED_TYPES
    plain = sorted(name for name in NAMED_TYPES if name != "char")
    found = [f"null::{name}" for name in plain]
    found += [f"cast(null as pg_catalog.{name})" for name in plain]
    found += [f"null::{name.upper()}" for name in plain]
    found += [f"{name.title()} '1'" for name in ("oid", "text", "tsquery", "jsonpath", "xml")]
    found += [f"null::{name}[]" for name in plain if name[0] != "_"]
    found += ['null::"char"', 'null::pg_catalog."char"[]']
    tally = agreed(found, engine)
    assert not tally.different + tally.refused[False] + tally.broken, (
        tally.different + tally.refused[False] + tally.broken
    )


def test_each_function_passes_with_arguments_of_its_types(
    engine: PostgresEngine, catalog: psycopg.Connection
) -> None:
    rules = RULES["postgres"]
    names = sorted(rules.functions - rules.syntax_functions - rules.extension_functions)
    rows = catalog.execute(
        """
        select p.proname, array(select t.typname::text from unnest(p.proargtypes) with ordinality
            as a (oid, n) join pg_type t on t.oid = a.oid order by n)
        from pg_proc p where p.pronamespace = 11 and p.proname = any (%s) and p.prokind = 'f'
        and p.pronargs > 0 and not p.proretset and p.provariadic = 0 and p.provolatile <> 'v'
        """,
        [names],
    ).fetchall()
    found = []
    for name, types in rows:
        if set(types) <= NAMED_TYPES and name not in ("overlaps", "extract", "position"):
            arguments = ", ".join(f'null::"{it}"' for it in types)
            found.append(f"{name}({arguments})")
    tally = agreed(sorted(set(found)), engine)
    assert len(found) > 500
    assert not tally.different + tally.refused[False], tally.different + tally.refused[False]


def test_functions_compute_from_their_arguments_alone(catalog: psycopg.Connection) -> None:
    """No overload of a name on the list changes anything, runs SQL of its own, or takes a table."""
    rules = RULES["postgres"]
    names = sorted(rules.functions | rules.write_functions)
    rows = catalog.execute(
        """
        select p.proname, p.provolatile, l.lanname,
            array(select t.typname::text from unnest(p.proargtypes) a join pg_type t on t.oid = a),
            p.prosrc
        from pg_proc p join pg_language l on l.oid = p.prolang
        where p.pronamespace = 11 and p.proname = any (%s)
        """,
        [names],
    ).fetchall()
    assert len(rows) > 750
    tables = {"regclass", "regproc", "regprocedure", "regrole", "internal", "cstring"}
    for name, volatile, language, types, source in rows:
        assert volatile in "is" or name in VOLATILE, name
        assert language == "internal" or (language == "sql" and " from " not in source), name
        if name not in ("nextval", "text", "oid", "int8", "regclass", "int4"):  # casts
            assert not tables & set(types), (name, types)
