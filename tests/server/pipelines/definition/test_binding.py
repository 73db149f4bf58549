"""Expressions in SQL become parameters, and are allowed only where a value can be."""

from __future__ import annotations

from datetime import date

import pytest

from wb_server.kit.errors import Unprocessable
from wb_server.pipelines.definition.binding import bind
from wb_server.pipelines.definition.expressions import ExpressionError

SCOPE = {"params": {"d": date(2026, 1, 31), "r": "eu'; drop table x; --", "n": 3, "l": [1, 2]}}


@pytest.mark.parametrize(
    ("text", "sql", "values"),
    [
        ("select 1", "select 1", {}),
        (
            "select * from t where d >= {{ params.d }} and r = {{ params.r }}",
            "select * from t where d >= :p1 and r = :p2",
            {"p1": date(2026, 1, 31), "p2": "eu'; drop table x; --"},
        ),
        ("select {{ params.n }}::int", "select :p1::int", {"p1": 3}),
        ("f({{ params.n }},{{ params.n }})", "f(:p1,:p2)", {"p1": 3, "p2": 3}),
        ("x in {{ params.l }}", "x in :p1", {"p1": [1, 2]}),
        # A name that the statement already uses is left alone.
        ("select :p1, {{ params.n }}, :p3", "select :p1, :p2, :p3", {"p2": 3}),
        # Quotes of every kind, closed before the expression.
        ("select 'it''s', {{ params.n }}", "select 'it''s', :p1", {"p1": 3}),
        ('select "a b", {{ params.n }}', 'select "a b", :p1', {"p1": 3}),
        ("select `a`, {{ params.n }}", "select `a`, :p1", {"p1": 3}),
        ("select $$ ' $$, {{ params.n }}", "select $$ ' $$, :p1", {"p1": 3}),
        ("select $a$ $$ ' $a$, {{ params.n }}", "select $a$ $$ ' $a$, :p1", {"p1": 3}),
        ("select '--', {{ params.n }}", "select '--', :p1", {"p1": 3}),
        # Comments keep their text.
        (
            "-- it's {{ params.n }}\nselect {{ params.n }}",
            "-- it's {{ params.n }}\nselect :p1",
            {"p1": 3},
        ),
        ("/* {{ params.n }} ' */ {{ params.n }}", "/* {{ params.n }} ' */ :p1", {"p1": 3}),
        # A string literal is a parameter too, whatever it holds.
        ("select {{ 'a}}' }}", "select :p1", {"p1": "a}}"}),
    ],
)
def test_expressions_become_parameters(text: str, sql: str, values: dict[str, object]) -> None:
    statement = bind(text).evaluate(SCOPE)
    assert statement.sql == sql
    assert statement.parameters == values


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("select '{{ params.n }}'", "expression_in_quotes"),
        ("select 'a {{ params.n }} b'", "expression_in_quotes"),
        ('select "{{ params.n }}"', "expression_in_quotes"),
        ("select `{{ params.n }}`", "expression_in_quotes"),
        ("select $$ {{ params.n }} $$", "expression_in_quotes"),
        ("select $a$ {{ params.n }} $a$", "expression_in_quotes"),
        ("select 'it''s {{ params.n }}'", "expression_in_quotes"),
        # Databases disagree on where these end.
        (r"select 'a\' {{ params.n }} '", "expression_in_quotes"),
        ("/* /* */ {{ params.n }} */", "expression_in_quotes"),
        ("select * from t_{{ params.n }}", "expression_in_name"),
        ("select * from {{ params.n }}_t", "expression_in_name"),
        ("select {{ params.n }}{{ params.n }}", "expression_in_name"),
        ("select {{ params.n + }}", "expression"),
        ("select {{ params.n | nope }}", "unknown_filter"),
    ],
)
def test_expressions_where_no_value_can_be_are_refused(text: str, code: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        bind(text)
    assert caught.value.code == code


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(Unprocessable, match="no params.x"):
        bind("select {{ params.x }}").evaluate(SCOPE)
