"""Typed parameters: declaring them, resolving their values, storing these as JSON."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import jsonschema
import pytest
from pydantic import TypeAdapter, ValidationError

from wb_server.kit.errors import InvalidInput
from wb_server.pipelines.definition.parameters import (
    Parameter,
    form,
    from_json,
    resolve,
    to_json,
)
from wb_server.pipelines.runs.commands import value_of

SCOPE = {"run": {"id": "r1", "date": date(2026, 1, 15)}, "pipeline": {"name": "nightly"}}
ONE = TypeAdapter[Parameter](Parameter)
ALL: dict[str, dict[str, Any]] = {
    "text": {"type": "text", "default": "of {{ run.date }}", "max_length": 20},
    "integer": {"type": "integer", "minimum": 1, "maximum": 12},
    "number": {"type": "number", "default": 0.5},
    "boolean": {"type": "boolean", "default": False},
    "date": {"type": "date", "default": "{{ run.date | first_of_month(-1) }}", "description": "d"},
    "choice": {"type": "choice", "choices": ["eu", "us"], "default": "eu"},
    "list": {"type": "list", "items": "date", "default": ["{{ run.date }}", "2026-01-02"]},
    "optional": {"type": "integer", "required": False},
}


def declared(given: dict[str, dict[str, Any]]) -> dict[str, Parameter]:
    return {name: ONE.validate_python(item) for name, item in given.items()}


DEFINITIONS = declared(ALL)


def test_defaults_fill_in_missing_values() -> None:
    assert resolve(DEFINITIONS, {"integer": 3}, SCOPE) == {
        "text": "of 2026-01-15",
        "integer": 3,
        "number": 0.5,
        "boolean": False,
        "date": date(2025, 12, 1),
        "choice": "eu",
        "list": [date(2026, 1, 15), date(2026, 1, 2)],
        "optional": None,
    }


def test_given_values_are_never_evaluated() -> None:
    values = resolve(DEFINITIONS, {"integer": 3, "text": "{{ run.id }}"}, SCOPE)
    assert values["text"] == "{{ run.id }}"


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("integer", 12, 12),
        ("integer", 3.0, 3),
        ("number", 2, 2.0),
        ("number", -1.5, -1.5),
        ("boolean", True, True),
        ("date", "2026-02-28", date(2026, 2, 28)),
        ("date", date(2026, 2, 28), date(2026, 2, 28)),
        ("choice", "us", "us"),
        ("list", [], []),
        ("list", ["2026-02-28"], [date(2026, 2, 28)]),
        ("text", "", ""),
        ("optional", None, None),
    ],
)
def test_values_are_converted_to_their_type(name: str, given: Any, value: Any) -> None:
    found = resolve(DEFINITIONS, {"integer": 1, name: given}, SCOPE)[name]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "word"),
    [
        ("text", 5, "must be text"),
        ("text", "x" * 21, "20 characters"),
        ("integer", None, "required"),
        ("integer", "3", "whole number"),
        ("integer", True, "whole number"),
        ("integer", 3.5, "whole number"),
        ("integer", 2**63, "whole number"),
        ("integer", 0, "at least 1"),
        ("integer", 13, "at most 12"),
        ("number", "1", "a number"),
        ("number", float("nan"), "a number"),
        ("number", float("inf"), "a number"),
        ("boolean", "true", "true or false"),
        ("boolean", 1, "true or false"),
        ("date", "2026-02-30", "a date"),
        ("date", "2026-02-28T00:00", "a date"),
        ("date", "20260228", "a date"),
        ("date", 20260228, "a date"),
        ("choice", "asia", "one of: eu, us"),
        ("choice", ["eu"], "one of: eu, us"),
        ("list", "2026-01-01", "a list"),
        ("list", ["2026-01-01", "x"], "Item 2: It must be a date"),
        ("list", ["2026-01-01"] * 1001, "1,000 items"),
        ("none", 1, "no such parameter"),
    ],
)
def test_invalid_values_are_refused_by_name(name: str, given: Any, word: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve(DEFINITIONS, {"integer": 1, name: given}, SCOPE)
    assert caught.value.code == "bad_parameters"
    assert list(caught.value.details["parameters"]) == [name]
    assert word in caught.value.details["parameters"][name]
    assert name in caught.value.message


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve(DEFINITIONS, {"boolean": 1, "choice": "x", "none": 1}, SCOPE)
    assert set(caught.value.details["parameters"]) == {"integer", "boolean", "choice", "none"}


def test_a_default_that_cannot_be_computed_names_its_parameter() -> None:
    definitions = declared({"n": {"type": "integer", "default": "{{ run.date }}"}})
    with pytest.raises(InvalidInput, match="n: It must be a whole number"):
        resolve(definitions, {}, SCOPE)
    definitions = declared({"n": {"type": "integer", "default": "{{ 1 / 0 }}"}})
    with pytest.raises(InvalidInput, match="n: Its default: .*divides by zero"):
        resolve(definitions, {}, SCOPE)


def test_values_survive_a_round_trip_through_json() -> None:
    values = resolve(DEFINITIONS, {"integer": 3}, SCOPE)
    kept = json.loads(json.dumps(to_json(values)))
    assert kept["date"] == "2025-12-01"
    assert from_json(DEFINITIONS, kept) == values


def test_values_from_a_command_line_are_parsed() -> None:
    definitions = DEFINITIONS | declared(
        {
            "words": {"type": "list"},
            "counts": {"type": "list", "items": "integer"},
            "flags": {"type": "list", "items": "boolean"},
        }
    )
    properties = form(definitions)["properties"]

    def values(**texts: str) -> dict[str, Any]:
        given = {name: value_of(text, properties[name]) for name, text in texts.items()}
        json.dumps(given, allow_nan=False)
        return resolve({name: definitions[name] for name in given}, given, SCOPE)

    good = values(
        text="5", integer="5", number="2.5", boolean="True", date="2026-01-31", choice="us",
        list="2026-01-01, 2026-01-02", words='["a, b"]', counts="1,2, 3", flags="true,FALSE",
    )  # fmt: skip
    assert good == {
        "text": "5",
        "integer": 5,
        "number": 2.5,
        "boolean": True,
        "date": date(2026, 1, 31),
        "choice": "us",
        "list": [date(2026, 1, 1), date(2026, 1, 2)],
        "words": ["a, b"],
        "counts": [1, 2, 3],
        "flags": [True, False],
    }
    assert values(counts="")["counts"] == []
    assert values(counts="[4]")["counts"] == [4]
    assert values(words="[a")["words"] == ["[a"]
    for name, text in (
        ("integer", "five"), ("integer", "1.5"), ("number", "NaN"), ("number", "1e999"),
        ("integer", "9" * 6_000), ("boolean", "yes"), ("counts", "1,x"), ("counts", "1,,2"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput, match=f"^{name}: "):
            values(**{name: text})


def test_the_form_accepts_what_a_run_accepts() -> None:
    schema = form(DEFINITIONS, SCOPE)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    assert schema["required"] == ["integer"]
    assert schema["properties"]["date"] == {
        "title": "date",
        "type": "string",
        "format": "date",
        "description": "d",
        "default": "2025-12-01",
    }
    assert validator.is_valid({"integer": 3, "list": ["2026-01-01"]})
    for wrong in ({}, {"integer": 0}, {"integer": 1, "choice": "x"}, {"integer": 1, "x": 1}):
        assert not validator.is_valid(wrong)
        with pytest.raises(InvalidInput):
            resolve(DEFINITIONS, wrong, SCOPE)
    for default in schema["properties"]:
        shown = schema["properties"][default].get("default")
        if shown is not None:
            assert validator.is_valid({"integer": 1, default: shown})


def test_a_form_without_a_run_shows_no_expressions() -> None:
    properties = form(DEFINITIONS)["properties"]
    assert "default" not in properties["date"]
    assert "default" not in properties["list"]
    assert properties["number"]["default"] == 0.5


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"type": "integer", "default": "5"}, "whole number"),
        ({"type": "date", "default": "yesterday"}, "a date"),
        ({"type": "choice", "choices": ["a"], "default": "b"}, "one of: a"),
        ({"type": "choice", "choices": []}, "at least 1"),
        ({"type": "list", "items": "integer", "default": ["a"]}, "Item 1"),
        ({"type": "integer", "minimum": 5, "default": 4}, "at least 5"),
        ({"type": "text", "default": "x", "required": True}, "have a default"),
        ({"type": "money"}, "does not match any of the expected tags"),
        ({"type": "text", "choices": ["a"]}, "Extra inputs"),
    ],
)
def test_invalid_definitions_are_refused(given: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        ONE.validate_python(given)
