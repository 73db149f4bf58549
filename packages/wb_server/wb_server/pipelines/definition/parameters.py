"""The values of a run's parameters, from given values and defaults.

In use, a value is plain Python (``str``, ``int``, ``float``, ``bool``, ``date``, a ``list`` of those,
None). Stored or sent, it is JSON; only dates differ, as ISO strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ...kit.errors import InvalidInput, Unprocessable, WorkbenchError
from .expressions import has_expression, parse
from .parameter_types import Definitions, Parameter, has_expressions

__all__ = [
    "Definitions",
    "Parameter",
    "default_of",
    "form",
    "from_json",
    "resolve",
    "to_json",
]


def resolve(
    definitions: Definitions, given: Mapping[str, Any], scope: Mapping[str, Any]
) -> dict[str, Any]:
    """The typed values of a run: those given, and defaults for the rest.

    A given value is never evaluated as an expression. Null counts as not given.

    Args:
        given: typed values, or their JSON form.
        scope: ``run`` and ``pipeline``, for defaults that are expressions.

    Raises:
        InvalidInput: code ``bad_parameters``; ``details["parameters"]`` maps names to messages.
    """
    wrong: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name in given:
        if name not in definitions:
            known = ", ".join(definitions) or "none"
            wrong[str(name)[:100]] = f"There is no such parameter. Available: {known}."
    for name, parameter in definitions.items():
        value = given.get(name)
        try:
            if value is None and parameter.is_required:
                raise ValueError("A value is required.")
            if value is None:
                value = default_of(parameter, scope)
            values[name] = None if value is None else parameter.convert(value)
        except ValueError as error:
            wrong[name] = str(error)
        except Unprocessable as error:
            wrong[name] = f"Its default: {error.message}"
    if wrong:
        raise InvalidInput(
            " ".join(f"{name}: {sentence}" for name, sentence in list(wrong.items())[:10]),
            code="bad_parameters",
            parameters=wrong,
        )
    return values


def default_of(parameter: Parameter, scope: Mapping[str, Any]) -> Any:
    """The default, with its expressions evaluated; None if there is none.

    Raises:
        Unprocessable: an expression can't be computed.
        InvalidInput: an expression can't be read.
    """
    default = parameter.default
    if isinstance(default, list):
        return [parse(item).evaluate(scope) if _is_text(item) else item for item in default]
    return parse(default).evaluate(scope) if _is_text(default) else default


def to_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON, with dates as ISO strings."""
    return {name: _json(value) for name, value in values.items()}


def from_json(definitions: Definitions, values: Mapping[str, Any]) -> dict[str, Any]:
    """Restores the typed values from :func:`to_json`.

    Raises:
        ValueError: a value doesn't fit its definition.
    """
    return {
        name: None if value is None else definitions[name].convert(value)
        for name, value in values.items()
        if name in definitions
    }


def form(definitions: Definitions, scope: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the values of a run, for a form.

    Args:
        scope: ``run`` and ``pipeline`` of a prospective run, to evaluate defaults that are expressions.
            Without it, or if one can't be computed, such a parameter has no ``default``.
    """
    properties: dict[str, Any] = {}
    for name, parameter in definitions.items():
        shown = {"title": name, **parameter.form()}
        if parameter.description:
            shown["description"] = parameter.description
        if not has_expressions(parameter.default) or scope is not None:
            try:
                value = default_of(parameter, scope or {})
                if value is not None:
                    shown["default"] = _json(parameter.convert(value))
            except (ValueError, WorkbenchError):
                pass  # starting a run reports the problem
        properties[name] = shown
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "required": [name for name, item in definitions.items() if item.is_required],
        "additionalProperties": False,
    }


def _json(value: Any) -> Any:
    if isinstance(value, list):
        return [_json(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and has_expression(value)
