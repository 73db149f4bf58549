"""Every number that a request may hold has a bound: a database refuses larger ones with an error of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from wb_server.kit.request import Day
from wb_server.routes import ROUTES

_REQUESTS = [
    pytest.param(model, id=f"{route.method} {route.path}")
    for route in ROUTES
    for model in (route.body, route.query)
    if model is not None
]


def unbounded(schema: Any, definitions: Any, path: str = "", seen: str = "") -> Iterator[str]:
    """The paths of whole numbers without a maximum in a JSON schema."""
    if isinstance(schema, list):
        for part in schema:
            yield from unbounded(part, definitions, path, seen)
    if not isinstance(schema, dict):
        return
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name and f" {name} " not in seen:
        yield from unbounded(definitions[name], definitions, path, f"{seen} {name} ")
    if schema.get("type") == "integer" and not {"maximum", "exclusiveMaximum", "enum"} & set(
        schema
    ):
        yield path
    for key in ("anyOf", "oneOf", "allOf", "items", "additionalProperties"):
        yield from unbounded(schema.get(key), definitions, path, seen)
    for key, part in schema.get("properties", {}).items():
        yield from unbounded(part, definitions, f"{path}.{key}", seen)


@pytest.mark.parametrize("model", _REQUESTS)
def test_numbers_of_requests_have_a_maximum(model: type[BaseModel]) -> None:
    schema = model.model_json_schema()
    assert list(unbounded(schema, schema.get("$defs", {}))) == []


def test_a_day_is_written_as_one() -> None:
    day = TypeAdapter(Day)
    assert day.validate_python("2026-01-31") == day.validate_python(date(2026, 1, 31))
    for other in (
        0,
        1_767_225_600,
        "20260131",
        "2026-1-31",
        "2026-01-31T00:00:00",
        "",
        "2026-02-30",
    ):
        with pytest.raises(ValidationError):
            day.validate_python(other)
