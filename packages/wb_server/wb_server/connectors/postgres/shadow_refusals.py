"""What is said of code of a database's own that would run in a statement: see ``shadows``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ...kit.errors import Forbidden


def _operator(name: str) -> Forbidden:
    return Forbidden(
        f"This database has an operator {name} of its own, which would run in place of "
        "PostgreSQL's. Its owner has to move it to a schema that is not in the search path.",
        code="operator_not_allowed",
        operator=name,
    )


def _function(name: str) -> Forbidden:
    return Forbidden(
        f"This database has a function {name} of its own, which would run in place of the allowed "
        "one of an extension. Its owner has to give it another name.",
        code="function_not_allowed",
        function=name,
    )


def _dot(name: str) -> Forbidden:
    return Forbidden(
        f"This database has a function {name} of its own, which “.{name}” can call with a row. It "
        "isn't on the list of allowed functions.",
        code="function_not_allowed",
        function=name,
    )


def _field(name: str) -> Forbidden:
    return Forbidden(
        f"“.{name}” could call the function {name} here, which isn't on the list of allowed "
        f"functions. Where it is a field, write to_jsonb(value) ->> '{name}'.",
        code="field_not_allowed",
        name=name,
    )


def _type(name: str) -> Forbidden:
    return Forbidden(
        f"“.{name}” could be a cast to the type {name} here. Where it is a field, write "
        f"to_jsonb(value) ->> '{name}'.",
        code="type_not_allowed",
        type=name,
    )


def _cast(name: str) -> Forbidden:
    source, _, target = name.partition(":")
    return Forbidden(
        f"This database has a cast from {source} to {target} of its own, which would run a function "
        "in this statement. Read the column through a view that does without it, or have it dropped.",
        code="cast_not_allowed",
        source=source,
        target=target,
    )


def _ordering(name: str) -> Forbidden:
    return Forbidden(
        f"This database orders values of the type {name} by functions of its own. Select the columns "
        "through a view that casts them to a type of PostgreSQL's.",
        code="operator_not_allowed",
        operator=name,
    )


def _domain(name: str) -> Forbidden:
    return Forbidden(
        f"This statement could make values of the domain {name}, whose check calls functions. Take "
        "values out of JSON with ->>, and compare arrays element by element.",
        code="type_not_allowed",
        type=name,
    )


def _namesake(name: str) -> Forbidden:
    return Forbidden(
        f"This database has a type {name} that is of no extension, and may run code of its own. Cast "
        "to text instead.",
        code="type_not_allowed",
        type=name,
    )


REFUSALS: Final[Mapping[str, Callable[[str], Forbidden]]] = {
    "namesake": _namesake,
    "operator": _operator,
    "function": _function,
    "dot": _dot,
    "field": _field,
    "type": _type,
    "cast": _cast,
    "ordering": _ordering,
    "domain": _domain,
}
