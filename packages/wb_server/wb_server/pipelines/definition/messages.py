"""Translates pydantic's errors about a file into messages for its author."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic_core import ErrorDetails

from .document import MISSING, child
from .models import Defaults, PipelineFile, Registry, Retries, Schedule
from .near import near
from .parameter_types import PARAMETER_TYPES
from .problems import Path


class Message(NamedTuple):
    """A problem with its path; ``at_key`` if the key is wrong, not the value."""

    path: Path
    code: str
    text: str
    at_key: bool = False


_NAME_RULE = (
    "lower-case letters, digits and underscores, starting with a letter, at most 63 characters"
)
_TYPES = {
    "string_type": "It must be text. Put it in quotes.",
    "int_type": "It must be a whole number.",
    "int_from_float": "It must be a whole number.",
    "int_parsing": "It must be a whole number.",
    "float_type": "It must be a number.",
    "float_parsing": "It must be a number.",
    "bool_type": "It must be true or false, without quotes.",
    "bool_parsing": "It must be true or false, without quotes.",
    "list_type": "It must be a list: [a, b], or lines that begin with a dash.",
    "dict_type": "It must have keys with values.",
    "model_type": "It must have keys with values.",
    "model_attributes_type": "It must have keys with values.",
    "dataclass_type": "It must have keys with values.",
}


def translate(error: ErrorDetails, data: Any, registry: Registry) -> Message:
    """Turns one pydantic error into a message with its path in the file."""
    kind = error["type"]
    context = error.get("ctx", {})
    path = _path(error["loc"], data)
    if kind == "extra_forbidden":
        known = keys_at(path[:-1], data, registry)
        key = str(path[-1])
        listed = f" Available: {', '.join(known)}." if known else ""
        return Message(
            path, "unknown_key", f"There is no key {key[:80]} here{near(key, known)}.{listed}", True
        )
    if kind == "missing":
        key = str(error["loc"][-1])
        return Message(path, "missing", f"The key {key} is missing.", True)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _tag(kind, context, path)
    if error["loc"] and error["loc"][-1] == "[key]":
        if kind == "string_pattern_mismatch":
            return Message(path, "bad_name", f"A name must have {_NAME_RULE}.", True)
        return Message(path, "bad_name", _with_period(error["msg"]), True)
    if "key" in context:
        return Message((*path, str(context["key"])), kind, error["msg"])
    if kind in _TYPES:
        return Message(path, "wrong_type", _TYPES[kind])
    return Message(
        path, _CODES.get(kind, "bad_value"), _sentence(kind, context, path, error["msg"])
    )


_CODES = {
    "bad_cron": "bad_cron",
    "bad_zone": "bad_zone",
    "bad_duration": "bad_duration",
    "bad_name": "bad_name",
    "bad_path": "bad_path",
}


def _sentence(kind: str, context: dict[str, Any], path: Path, original: str) -> str:
    field = path[-1] if path else ""
    if kind == "string_pattern_mismatch":
        if field == "run_as":
            return "It must be owner or team:<group>."
        if "labels" in path:
            return "A label can have only lower-case letters, digits, dots, dashes and underscores."
        if r"\{\{" in str(context.get("pattern", "")):
            return "It must be a value of that type or an expression: {{ … }}."
        if str(context.get("pattern", "")).startswith("^[a-z][a-z0-9_]{0,62}"):
            return f"A name must have {_NAME_RULE}."
        return "It contains characters that aren't allowed here."
    if kind == "literal_error":
        return f"It must be {context.get('expected')}."
    if kind == "too_long":
        return f"It must have at most {context.get('max_length'):,} items."
    if kind == "too_short":
        return "It must have at least one item."
    if kind == "string_too_long":
        return f"It must be at most {context.get('max_length'):,} characters."
    if kind == "string_too_short":
        return "It must not be empty."
    if kind == "greater_than_equal":
        return f"It must be at least {context.get('ge')}."
    if kind == "less_than_equal":
        return f"It must be at most {context.get('le')}."
    return _with_period(original)


def _with_period(message: str) -> str:
    """Pydantic's own message as a sentence."""
    message = message.removeprefix("Value error, ").strip()
    return message if message.endswith((".", "!", "?")) else f"{message}."


def _tag(kind: str, context: dict[str, Any], path: Path) -> Message:
    what = "task type" if path[:1] == ("tasks",) else "type"
    tags = [tag.strip(" '") for tag in str(context.get("expected_tags", "")).split(",")]
    listed = f"Available: {', '.join(tag for tag in tags if tag)}."
    if kind == "union_tag_not_found":
        listed = listed if len(listed) > len("Available: .") else ""
        return Message(path, "missing", f"The key type is missing. {listed}".strip(), True)
    tag = str(context.get("tag", ""))
    return Message(
        (*path, "type"),
        "unknown_task_type" if what == "task type" else "bad_value",
        f"There is no {what} {tag[:80]}{near(tag, tags)}. {listed}",
    )


def _path(loc: tuple[int | str, ...], data: Any) -> Path:
    """Pydantic's location as a path in the file, without the union types that it also names."""
    path: list[str | int] = []
    for index, part in enumerate(loc):
        if index == 2 and loc[0] in ("tasks", "parameters"):
            continue  # the discriminator by which pydantic chose the model
        inside = child(data, part)
        if inside is not MISSING:
            path.append(part)
            data = inside
    return tuple(path)


def keys_at(path: Path, data: Any, registry: Registry) -> list[str]:
    """The keys allowed at a path of the file; empty if that isn't known."""
    model: Any = None
    if path and path[-1] == "retries":
        model = Retries
    elif len(path) == 2 and path[0] in ("tasks", "parameters"):
        kind = str(data[path[0]][path[1]].get("type"))
        model = registry.get(kind) if path[0] == "tasks" else PARAMETER_TYPES.get(kind)
    elif len(path) < 2:
        model = {"": PipelineFile, "schedule": Schedule, "defaults": Defaults}.get(
            str(path[0]) if path else ""
        )
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]
