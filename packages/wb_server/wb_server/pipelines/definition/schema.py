"""Generates the JSON Schema of ``*.pipeline.yaml`` from the models and the task types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from .models import Registry
from .parameter_types import PARAMETER_TYPES
from .registry import model_for

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EXPRESSION = {"type": "string", "pattern": r"\{\{", "title": "Expression"}


class _Schema(GenerateJsonSchema):
    """Omits the titles that pydantic derives from field names: an editor would show them."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema(registry: Registry) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a pipeline file.

    It covers what the models express: keys, types, bounds. ``check`` covers needs, names in
    expressions, connections and files.
    """
    schema = model_for(registry).model_json_schema(mode="validation", schema_generator=_Schema)
    definitions = schema["$defs"]
    for parameter in PARAMETER_TYPES.values():
        definitions[parameter.__name__]["properties"]["default"] |= _default(parameter.__name__)
    for names in _objects(schema):
        if "patternProperties" in names:
            names["additionalProperties"] = False  # a name that doesn't match is a mistake
    return {
        "$schema": DIALECT,
        "title": "A pipeline of the Workbench (*.pipeline.yaml)",
        **{key: part for key, part in schema.items() if key not in ("title", "description")},
    }


def _objects(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    for inner in (
        part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    ):
        yield from _objects(inner)


def _default(parameter: str) -> dict[str, Any]:
    """The schema of a parameter's default: a value of its type, or an expression."""
    plain: dict[str, dict[str, Any]] = {
        "IntegerParameter": {"type": "integer"},
        "NumberParameter": {"type": "number"},
        "BooleanParameter": {"type": "boolean"},
        "DateParameter": {"type": "string", "format": "date"},
        "ListParameter": {"type": "array"},
    }
    one = plain.get(parameter)
    if one is None:
        return {"type": ["string", "null"]}
    return {"anyOf": [one, _EXPRESSION, {"type": "null"}]}
