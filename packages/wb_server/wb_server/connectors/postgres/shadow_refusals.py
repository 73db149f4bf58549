"""The refusals of user-defined code that would run in a statement: see ``shadows``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ...kit.errors import Forbidden


def _operator(name: str) -> Forbidden:
    return Forbidden(
        f"This database has a user-defined operator {name}, which would run instead of "
        "PostgreSQL's. Its owner has to move it to a schema outside the search path.",
        code="operator_not_allowed",
        operator=name,
    )


def _function(name: str) -> Forbidden:
    return Forbidden(
        f"This database has a user-defined function {name}, which would run instead of the "
        "extension's allowed one. Its owner has to rename it.",
        code="function_not_allowed",
        function=name,
    )


def _dot(name: str) -> Forbidden:
    return Forbidden(
        f"This database has a user-defined function {name}, which “.{name}” can call with a row. It "
        "isn't on the list of allowed functions.",
        code="function_not_allowed",
        function=name,
    )


def _field(name: str) -> Forbidden:
    return Forbidden(
        f"“.{name}” could call the function {name} here, which isn't on the list of allowed "
        f"functions. If it is a field, write to_jsonb(value) ->> '{name}'.",
        code="field_not_allowed",
        name=name,
    )


def _type(name: str) -> Forbidden:
    return Forbidden(
        f"“.{name}” could be a cast to the type {name} here. If it is a field, write "
        f"to_jsonb(value) ->> '{name}'.",
        code="type_not_allowed",
        type=name,
    )


def _cast(name: str) -> Forbidden:
    source, _, target = name.partition(":")
    return Forbidden(
        f"This database has a user-defined cast from {source} to {target}, which would run a "
        "function in this statement. Read the column through a view that avoids the cast, or have "
        "the cast dropped.",
        code="cast_not_allowed",
        source=source,
        target=target,
    )


def _ordering(name: str) -> Forbidden:
    return Forbidden(
        f"This database orders values of the type {name} with user-defined functions. Select the "
        "columns through a view that casts them to a built-in type of PostgreSQL.",
        code="operator_not_allowed",
        operator=name,
    )


def _domain(name: str) -> Forbidden:
    return Forbidden(
        f"This statement could create values of the domain {name}, whose check calls functions. "
        "Extract values from JSON with ->>, and compare arrays element by element.",
        code="type_not_allowed",
        type=name,
    )


def _namesake(name: str) -> Forbidden:
    return Forbidden(
        f"This database has a type {name} that belongs to no extension and may run custom code. "
        "Cast to text instead.",
        code="type_not_allowed",
        type=name,
    )


def _routine(name: str) -> Forbidden:
    schema, name, arguments = name.split(":", 2)
    variant = f"{schema}.{name}({arguments})"
    return Forbidden(
        f"{schema}.{name} has several variants, and the database decides which one a call means. This "
        f"connection doesn't allow {variant}: its owner can allow each variant with its arguments, in the "
        "connection's settings.",
        code="function_not_allowed",
        function=variant,
    )


def _routine_type(name: str) -> Forbidden:
    routine = name.replace(":", ".")
    return Forbidden(
        f"{routine} is the name of a type, too, so that a call could be a cast. The database's owner has to "
        "give them different names.",
        code="function_not_allowed",
        function=routine,
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
    "routine": _routine,
    "routine_type": _routine_type,
}
