"""The language of ``{{ … }}``: what it computes, what it refuses, and that nothing escapes from it."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import pytest

from wb_server.kit.errors import Unprocessable
from wb_server.pipelines.definition.evaluation import written
from wb_server.pipelines.definition.expressions import Expression, ExpressionError, parse, split
from wb_server.pipelines.definition.filters import FILTERS, MAX_TEXT

SCOPE: dict[str, Any] = {
    "params": {
        "period": date(2026, 3, 31),
        "region": "eu",
        "regions": ["eu", "us"],
        "count": 3,
        "share": 0.5,
        "all": False,
        "nothing": None,
        "long": "x" * 60_000,
        "days": [date(2026, 1, 1)],
    },
    "tasks": {"extract": {"outputs": {"rows": 120, "by": {"eu": [5, 7]}, "key with space": 1}}},
    "run": {"id": "r1", "date": date(2026, 1, 15), "time": "2026-01-15T06:00:00+00:00"},
    "pipeline": {"name": "nightly"},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # Names keep their type.
        ("{{ params.period }}", date(2026, 3, 31)),
        ("{{params.count}}", 3),
        ("{{ params.all }}", False),
        ("{{ params.nothing }}", None),
        ("{{ params.regions }}", ["eu", "us"]),
        ("{{ params.regions[1] }}", "us"),
        ("{{ params['region'] }}", "eu"),
        ("{{ tasks.extract.outputs.rows }}", 120),
        ("{{ tasks.extract.outputs.by.eu[0] }}", 5),
        ("{{ tasks['extract'].outputs['key with space'] }}", 1),
        # Texts are joined.
        ("a {{ params.period }} b {{ params.count }}", "a 2026-03-31 b 3"),
        ("{{ params.region }}{{ params.region }}", "eueu"),
        (" {{ params.count }}", " 3"),
        ("{{ params.all }},{{ params.nothing }},{{ params.share }}", "false,,0.5"),
        ("x {{ params.regions }} {{ params.days }}", 'x ["eu", "us"] ["2026-01-01"]'),
        ("no expression, } and { and }}", "no expression, } and { and }}"),
        ("{% if x %} {# y #}", "{% if x %} {# y #}"),
        # Braces and quotes in texts.
        ("{{ '}}' }}", "}}"),
        ("{{ '{{ x }}' }}", "{{ x }}"),
        ('{{ "it\'s" }}', "it's"),
        (r"{{ 'it\'s }}' }}", "it's }}"),
        # Calculation.
        ("{{ 1 + 2 * 3 - 4 / 2 }}", 5.0),
        ("{{ -params.count }}", -3),
        ("{{ (1 + 2) * 3 }}", 9),
        ("{{ run.date + 20 }}", date(2026, 2, 4)),
        ("{{ run.date - 15 }}", date(2025, 12, 31)),
        ("{{ params.period - run.date }}", 75),
        ("{{ 'a' ~ params.count ~ run.date }}", "a32026-01-15"),
        # Comparison and choice.
        ("{{ params.count > 2 and not params.all }}", True),
        ("{{ 1 < params.count <= 3 }}", True),
        ("{{ run.date < '2026-02-01' }}", True),
        ("{{ '2026-02-01' > run.date }}", True),
        ("{{ params.region == 'eu' }}", True),
        ("{{ params.region != 'eu' or params.share }}", 0.5),
        ("{{ params.region in params.regions }}", True),
        ("{{ 'x' not in params.regions }}", True),
        ("{{ 'u' in 'eu' }}", True),
        ("{{ 'a' if params.region == 'eu' else 'b' }}", "a"),
        ("{{ 'a' if params.all }}", None),
        # Filters.
        ("{{ run.date | first_of_month }}", date(2026, 1, 1)),
        ("{{ run.date | first_of_month(-1) }}", date(2025, 12, 1)),
        ("{{ run.date | last_of_month(1) }}", date(2026, 2, 28)),
        ("{{ run.date | first_of_month(25) }}", date(2028, 2, 1)),
        ("{{ run.date | last_of_month(25) }}", date(2028, 2, 29)),
        ("{{ params.period | add_months(-1) }}", date(2026, 2, 28)),
        ("{{ params.period | add_months(1) | add_days(1) }}", date(2026, 5, 1)),
        ("{{ '2026-01-31' | add_days(-31) }}", date(2025, 12, 31)),
        ("{{ run.date | date }}", "2026-01-15"),
        ("{{ run.date | date('%d.%m.%Y %% %j') }}", "15.01.2026 % 015"),
        ("{{ run.time | date('%Y-%m-%d %H:%M') }}", "2026-01-15 06:00"),
        ("{{ '0099-01-02' | date('%Y|%%Y') }}", "0099|%Y"),
        ("{{ params.nothing | default('x') }}", "x"),
        ("{{ tasks.extract.outputs.none | default(0) }}", 0),
        ("{{ params.all | default(true) }}", False),
        ("{{ params.region | upper | lower | upper }}", "EU"),
        ("{{ params.regions | join }}", "eu, us"),
        ("{{ params.regions | join('-') }}", "eu-us"),
        ("{{ params.regions | length }}", 2),
        ("{{ 2.675 | round(1) }}", 2.7),
        ("{{ 2.5 | round }}", 2),
        ("{{ params.days | json }}", '["2026-01-01"]'),
        ("{{ 'ä' | json }}", '"ä"'),
    ],
)
def test_expressions_have_typed_values(text: str, value: Any) -> None:
    found = parse(text).evaluate(SCOPE)
    assert found == value
    assert type(found) is type(value)


def test_each_filter_has_an_example_that_parses() -> None:
    for name, item in FILTERS.items():
        assert f"| {name}" in item.example
        assert parse(item.example).names


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{{ }}", "empty"),
        ("{{ params.x", "closed"),
        ("{{ params.x }", "closed"),
        ("{{ 'a }}", "closed"),
        ("{{ params.a params.b }}", "isn't allowed here"),
        ("{{ params. }}", "."),
        ("{{ 1 + }}", "."),
        ("{{ params.x | shout }}", "no filter shout"),
        ("{{ params.x | uper }}", "did you mean upper"),
        ("{{ params.x | add_days }}", "takes 1 argument,"),
        ("{{ params.x | upper(1) }}", "takes 0 arguments"),
        ("{{ params.x | add_days(n=1) }}", "by position"),
        ("{{ params.x | add_days(*params.y) }}", "by position"),
        ("{{ run.date.replace(2025) }}", "called"),
        ("{{ range(3) }}", "called"),
        ("{{ 'x'.upper }}", "Only names"),
        ("{{ ('x' | upper).y }}", "Only names"),
        ("{{ params[params.x] }}", "Only names"),
        ("{{ params[1:2] }}", "Only names"),
        ("{{ params[-1] }}", "Only names"),
        ("{{ params[1.5] }}", "Only names"),
        ("{{ params.x is defined }}", "default"),
        ("{{ [1, 2] }}", "Lists"),
        ("{{ 1, 2 }}", "isn't allowed here"),
        ("{{ (1, 2) }}", "Lists"),
        ("{{ {'a': 1} }}", "Objects"),
        ("{{ 2 ** 9 }}", "Powers"),
        ("{{ 5 // 2 }}", "round"),
        ("{{ 5 % 2 }}", "%"),
        ("{{ " + "(" * 400 + "1" + ")" * 400 + " }}", "nested"),
        ("{{ " + "- " * 400 + "1 }}", "too large"),
        ("{{ " + "not " * 240 + "1 }}", "too large"),
        ("{{ " + "1 if 1 else " * 70 + "1 }}", "too large"),
        ("{{ 1" + " + 1" * 150 + " }}", "too large"),
        ("{{ '" + "x" * 1_100 + "' }}", "1,000 characters"),
        ("{{ " + "9" * 900 + " }}", "can't be read"),
        ("{{ 1e999 }}", "can't be read"),
        ("{{ 1 }}" * 201, "200 expressions"),
    ],
)
def test_invalid_expressions_are_refused(text: str, word: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert word in caught.value.message
    assert caught.value.message[-1] in ".?}"


@pytest.mark.parametrize(
    "text",
    [
        "{{ params.__class__ }}",
        "{{ params.region.__class__ }}",
        "{{ run.date.year }}",
        "{{ params['__class__']['__mro__'] }}",
        "{{ self }}",
        "{{ tasks.extract.outputs.by.keys }}",
        "{{ params.regions.append }}",
        "{{ params.regions[7] }}",
        "{{ params.nothing.x }}",
        "{{ params.region[0] }}",
    ],
)
def test_python_is_out_of_reach(text: str) -> None:
    with pytest.raises(Unprocessable, match="there is no") as caught:
        parse(text).evaluate(SCOPE)
    assert caught.value.code == "expression_failed"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{{ 1 / 0 }}", "divides by zero"),
        ("{{ params.region + 'x' }}", "~ joins"),
        ("{{ params.region * 9 }}", "~ joins"),
        ("{{ params.all + 1 }}", "~ joins"),
        ("{{ params.regions + params.regions }}", "~ joins"),
        ("{{ run.date + 0.5 }}", "whole days"),
        ("{{ run.date + 3999999 }}", "years 1 to 9999"),
        ("{{ run.date + run.date }}", "~ joins"),
        ("{{ run.date < 3 }}", "~ joins"),
        ("{{ params.region < 3 }}", "~ joins"),
        ("{{ run.date < 'x' }}", "must be a date"),
        ("{{ 1 in 2 }}", "`in` needs"),
        ("{{ params.region | add_days(1) }}", "must be a date"),
        ("{{ run.date | add_days('1') }}", "whole number"),
        ("{{ run.date | add_days(true) }}", "whole number"),
        ("{{ run.date | add_months(999999) }}", "years 1 to 9999"),
        ("{{ run.date | add_months(9999999) }}", "at most 1,000,000"),
        ("{{ run.date | date('%s') }}", "%s can't be used"),
        ("{{ run.date | date('%') }}", "can't be used"),
        ("{{ params.count | length }}", "text or a list"),
        ("{{ params.count | join }}", "needs a list"),
        ("{{ params.region | round }}", "must be a number"),
        ("{{ params.share | round(99) }}", "0 to 15"),
        ("{{ params.long ~ params.long }}", "exceed 100,000"),
        ("{{ 9000000000000000000 * 9000000000000000000 }}", "too large"),
        ("{{ 1e200 * 1e200 }}", "too large"),
    ],
)
def test_failing_computations_are_reported(text: str, word: str) -> None:
    with pytest.raises(Unprocessable, match="In {{") as caught:
        parse(text).evaluate(SCOPE)
    assert word in caught.value.message
    assert caught.value.details["expression"] == text


def test_the_length_of_a_text_is_limited() -> None:
    with pytest.raises(Unprocessable, match="100,000"):
        parse("{{ params.long }} {{ params.long }}").evaluate(SCOPE)
    assert len(parse("y" * 150_000 + "{{ params.long }}").evaluate(SCOPE)) == 210_000
    assert MAX_TEXT == 100_000


def test_names_are_collected_with_their_positions() -> None:
    template = parse("{{ params.a ~ params.b }} {{ tasks.x.outputs['y'][0] | default(run.id) }}")
    assert template.names == {
        ("params", "a"),
        ("params", "b"),
        ("tasks", "x", "outputs", "y", 0),
        ("run", "id"),
    }
    first, second = template.expressions
    for expression in (first, second):
        for name, inside in expression.names:
            assert expression.source[inside:].startswith(str(name[0]))
    assert [inside for _, inside in first.names] == [3, 14]
    assert written(("tasks", "x", "outputs", "y", 0)) == "tasks.x.outputs.y[0]"
    assert template.single is False
    assert parse("{{ run.id }}").single is True


def test_mistakes_do_not_hide_later_expressions() -> None:
    parts = list(split("a {{ x y }} b {{ params.z }}{{ 1 ** 2 }}"))
    assert [type(part) for part in parts] == [
        str,
        ExpressionError,
        str,
        Expression,
        ExpressionError,
    ]
    numbers = [part.number for part in parts if not isinstance(part, str)]
    assert numbers == [0, 1, 2]


def test_random_expressions_are_refused_or_computed() -> None:
    rng = random.Random(6)
    words = [
        "params", "tasks", "run", ".", "region", "count", "date", "extract", "outputs", "rows", "|",
        "upper", "first_of_month", "(", ")", "[", "]", "'a'", '"b"', "1", "2.5", "-1", "+", "-", "*",
        "/", "~", "==", "<", "in", "not", "and", "or", "if", "else", "is", "{", "}", ",", ":", "%",
        "__class__", "\n", "é", "\\", "'",
    ]  # fmt: skip
    computed = refused = failed = 0
    for _ in range(5_000):
        body = " ".join(rng.choice(words) for _ in range(rng.randint(1, 7)))
        try:
            template = parse("x{{ " + body + " }}")
        except ExpressionError:
            refused += 1
            continue
        try:
            assert isinstance(template.evaluate(SCOPE), str)
            computed += 1
        except Unprocessable:
            failed += 1
    assert computed > 100
    assert refused > 1_000
    assert failed > 20
