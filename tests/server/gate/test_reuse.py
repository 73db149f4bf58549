"""A reused analysis gives the same result as a new one."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from support.honest.corpus import corpus

from wb_server.gate import reuse, statement
from wb_server.gate.models import DialectName
from wb_server.gate.statement import RULES, analyse
from wb_server.kit.errors import WorkbenchError

pytestmark = pytest.mark.slow

_NUMBER = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|(?<![\w.:$])(\d{1,6})(?![\w.])")
SEED = random.randrange(2**32)
CASES: list[tuple[DialectName, str]] = [
    ("postgres", "select a[:n] from t"),
    ("postgres", "select a from t limit :n"),
    ("postgres", "select a from t where b = :n and c in (:n, :m)"),
    ("postgres", "select a from t where b > :n - :m order by :n"),
    ("postgres", "select :n as x, '191717164' as y"),
    ("duckdb", "select a[:n], [:n, :m] from t limit :m"),
    ("mysql", "select :n, a from t where b >= :m limit :n"),
    ("mysql", "select a + interval :n day from t"),
    ("mysql", "explain select a from t where b = :n"),
    ("postgres", "select pg_sleep(:n)"),
    ("postgres", "update t set a = :n where b = :m returning a"),
]


def cases() -> Iterator[tuple[DialectName, str]]:
    """Statements with up to two of their numbers replaced by parameters."""
    yield from CASES
    for dialect in RULES:
        yield from ((dialect, sql) for sql in _with_parameters(dialect))


def _with_parameters(dialect: DialectName) -> Iterator[str]:
    for case in corpus(dialect):
        sql = case.sql
        if ":" in sql:
            continue
        names = iter("nm")

        def put(found: re.Match[str], names: Iterator[str] = names) -> str:
            name = next(names, None) if found[1] else None
            return f":{name}" if name else found[0]

        written = _NUMBER.sub(put, sql)
        if written != sql:
            yield written


def new_analysis(
    sql: str, dialect: DialectName, params: dict[str, Any], limit: int | None
) -> object:
    try:
        return statement._analyse(sql, RULES[dialect], params, limit)
    except WorkbenchError as error:
        return error.code


def reused_analysis(
    sql: str, dialect: DialectName, params: dict[str, Any], limit: int | None
) -> object:
    try:
        return analyse(sql, dialect, params, limit=limit)
    except WorkbenchError as error:
        return error.code


def differences(seed: int) -> tuple[list[object], int, int]:
    """What differs from a new analysis, how many calls were compared, and how many statements reused one."""
    rng = random.Random(seed)
    statement._reuse.cache_clear()
    found: list[object] = []
    tried = reused = 0
    for dialect, sql in cases():
        names = sorted(set(re.findall(r":([nm])\b", sql)))
        limit = rng.choice([None, None, 5, 1000])
        for _ in range(6):
            params = {
                name: rng.choice([0, 1, 2, 5, 6, 77, 1001, rng.randrange(2**31), 2**31 - 1])
                for name in names
            }
            tried += 1
            if reused_analysis(sql, dialect, dict(params), limit) != new_analysis(
                sql, dialect, dict(params), limit
            ):
                found.append((dialect, sql, params, limit))
        kept = statement._reuse(sql, RULES[dialect].name, frozenset(names), limit, frozenset())
        reused += kept._found is not None
    return found, tried, reused


def test_a_reused_analysis_equals_a_new_one() -> None:
    found, tried, reused = differences(SEED)
    assert not found, (SEED, found[:5])
    assert tried > 300
    assert reused > tried / 6 / 2, (reused, tried)


def test_values_that_change_the_analysis_are_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: without trying several numbers, a subscript of 0 would go wrong."""
    sql = "select a[:n] from t"

    def differs() -> bool:
        statement._reuse.cache_clear()
        for n in (5, 6):
            reused_analysis(sql, "duckdb", {"n": n}, None)
        return reused_analysis(sql, "duckdb", {"n": 0}, None) != new_analysis(
            sql, "duckdb", {"n": 0}, None
        )

    assert not differs()
    monkeypatch.setattr(reuse, "_TRIED", ())
    assert differs()


def test_only_non_negative_32_bit_integers_fit() -> None:
    for value in (True, None, -1, 2**31, 1.5, "1", [1], {"type": "date", "value": "2024-01-01"}):
        assert not reuse.fits("select :n", {"n": value})
    assert reuse.fits("select :n", {"n": 1})
    assert not reuse.fits(f"select :n, {reuse._STAND_INS[0]}", {"n": 1})
    assert not reuse.fits("select 1", {})
