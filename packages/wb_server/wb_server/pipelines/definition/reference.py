"""Generates the reference page of the pipeline file from the models."""

from __future__ import annotations

import inspect
import json
import re
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from .fields import Sql, write_duration
from .filters import FILTERS
from .models import Defaults, PipelineFile, Registry, Retries, Schedule, TaskSpec
from .names import PIPELINE, RUN
from .parameter_types import PARAMETER_TYPES

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_ ./-]*\Z|\d+[smhd]\Z")
_SPECIAL = frozenset({"null", "true", "false", "yes", "no", "on", "off", "~"})
_TABLE = "| key | takes | default | |\n|---|---|---|---|"


def page(registry: Registry) -> str:
    """The page as Markdown. Each task type has a section, named by its ``type``."""
    shared = ("type", "description", "required")
    common = {key: PARAMETER_TYPES["boolean"].model_fields[key] for key in shared}
    parts = [
        "# Pipeline file\n",
        "Every key of a `*.pipeline.yaml`. The [guide](pipelines.md) explains how they work "
        "together.\n",
        "A default of – means that the key may be omitted. Durations are written `30s`, `10m`, "
        "`1h`, `2d` or `1h30m`.\n",
        "- [The file](#the-file)\n- [Parameters](#parameters)\n- [Defaults](#defaults)\n"
        "- [Retries](#retries)\n- [Schedule](#schedule)\n- [Tasks](#tasks)",
        *(f"  - [{name}](#{name})" for name in registry),
        "- [Expressions](#expressions)\n",
        "## The file\n",
        *_rows(PipelineFile.model_fields, ""),
        "\n## Parameters\n",
        "Under `parameters`, by the parameter's name: lower-case letters, digits and "
        "underscores, starting with a letter. Every parameter has:\n",
        *_rows(common, "parameters.<name>."),
    ]
    for name, parameter in PARAMETER_TYPES.items():
        own = {key: field for key, field in parameter.model_fields.items() if key not in common}
        parts.append(f"\n`type: {name}`: {_lower(_docstring(parameter))}\n")
        parts += _rows(own, "parameters.<name>.")
    for title, model, prefix in (
        ("Defaults", Defaults, "defaults."),
        ("Retries", Retries, "retries."),
        ("Schedule", Schedule, "schedule."),
    ):
        parts += [f"\n## {title}\n", _docstring(model) + "\n", *_rows(model.model_fields, prefix)]
    parts += [
        "\n## Tasks\n",
        "Under `tasks`, by the task's id: lower-case letters, digits and underscores, starting "
        "with a letter. Every task has:\n",
        *_rows(TaskSpec.model_fields, "tasks.<id>."),
    ]
    for name, spec in registry.items():
        parts += _task(name, spec)
    parts += _expressions()
    return "\n".join(parts) + "\n"


def undocumented(registry: Registry) -> list[str]:
    """The keys that lack a description or an example, as ``Model.key``."""
    models: list[type[BaseModel]] = [PipelineFile, Defaults, Retries, Schedule, TaskSpec]
    for model in (*PARAMETER_TYPES.values(), *registry.values()):
        models += [model, *_nested(model)]
    found = []
    for model in dict.fromkeys(models):
        for key, field in model.model_fields.items():
            if key == "type":
                continue  # the heading says it
            if not field.description or (not field.examples and not _inner_models(field)):
                found.append(f"{model.__name__}.{field.alias or key}")
        if not inspect.getdoc(model):
            found.append(model.__name__)
    return found


def example(name: str, spec: type[TaskSpec]) -> str:
    """A task of the given type as YAML: its required keys with their examples."""
    lines = [f"{name}_task:", f"  type: {name}"]
    for key, field in spec.model_fields.items():
        if key not in TaskSpec.model_fields and (field.is_required() or key in spec.shown):
            lines.append(f"  {field.alias or key}: {flow(_example(field))}")
    return "\n".join(lines)


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, str) and _PLAIN.match(value) and value.lower() not in _SPECIAL:
        return value.strip() if value == value.strip() else json.dumps(value)
    return json.dumps(value, ensure_ascii=False)


def _task(name: str, spec: type[TaskSpec]) -> Iterator[str]:
    own = {key: field for key, field in spec.model_fields.items() if key not in _COMMON}
    yield f"\n### {name}\n"
    yield _docstring(spec) + "\n"
    yield f"```yaml\n{example(name, spec)}\n```\n"
    yield from _rows(own, "")
    for key, field in own.items():
        models = _inner_models(field)
        for model in models:
            what = f"`{field.alias or key}`" + (
                f": {_lower(_docstring(model))}" if models[1:] else ""
            )
            yield f"\nKeys of {what}\n"
            yield from _rows(model.model_fields, f"{field.alias or key}.")


def _expressions() -> Iterator[str]:
    yield "\n## Expressions\n"
    yield "An expression is `{{ … }}` in a text. It can read these names:\n"
    yield "| name | |\n|---|---|"
    yield "| `params.<name>` | a parameter; `params.<name>[0]` an item of a list |"
    yield (
        "| `tasks.<id>.outputs.<name>` | an output of a task that this one needs, directly or "
        "indirectly |"
    )
    for root, known in (("run", RUN), ("pipeline", PIPELINE)):
        for name, text in known.items():
            yield f"| `{root}.{name}` | {text} |"
    yield (
        "\nIt can contain quoted text, numbers, `true` and `false`; `+ - * /` on numbers, a date `+` "
        "or `-` days, and the difference of two dates in days; `~` to join text; "
        "`== != < <= > >= in`, `and or not`; `a if b else c`. Filters:\n"
    )
    yield "| filter | result | example |\n|---|---|---|"
    for name, item in FILTERS.items():
        yield f"| `{name}` | {item.description} | `{_cell(item.example)}` |"


def _rows(fields: Mapping[str, FieldInfo], prefix: str) -> Iterator[str]:
    yield _TABLE
    for key, field in fields.items():
        shown = f" `{_cell(flow(_example(field)))}`" if _example(field) is not None else ""
        name = field.alias or key
        takes = _cell(", ".join(dict.fromkeys(_words(field.annotation, field))))
        described = _cell(field.description or "")
        yield (
            f"| `{prefix}{name}` | {takes} | {_default(field)} | {described}"
            + (f" Example:{shown}" if shown else "")
            + " |"
        )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined:
        return "–"
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    if isinstance(value, timedelta):
        value = write_duration(value)
    if value in ({}, [], ""):
        return "empty"
    return f"`{_cell(flow(value))}`"


def _example(field: FieldInfo) -> Any:
    if field.examples:
        return field.examples[0]
    models = _inner_models(field)
    if not models:
        return None
    return {
        inner.alias or key: _example(inner)
        for key, inner in models[0].model_fields.items()
        if inner.is_required()
    }


_NOUNS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    timedelta: "duration",
    date: "date",
    Sql: "SQL",
    Any: "any value",
}


def _words(annotation: Any, field: FieldInfo | None = None) -> Iterator[str]:
    """The values that an annotation takes, in words."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        yield from _words(arguments[0])
    elif origin in (typing.Union, types.UnionType):
        for part in arguments:
            yield from _words(part)
    elif origin is Literal:
        yield (
            "type"
            if field is not None and len(arguments) == 1
            else " or ".join(f"`{flow(choice)}`" for choice in arguments)
        )
    elif origin is list:
        yield f"list of {' or '.join(dict.fromkeys(_words(arguments[0])))}"
    elif origin is dict:
        yield f"names with {' or '.join(dict.fromkeys(_words(arguments[1])))}"
    elif inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield "keys"
    elif annotation is not type(None):
        yield _NOUNS.get(annotation, "value")


def _inner_models(field: FieldInfo) -> list[type[BaseModel]]:
    return list(dict.fromkeys(_models_in(field.annotation)))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models_in(part)


def _nested(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for field in model.model_fields.values():
        for inner in _inner_models(field):
            yield inner
            yield from _nested(inner)


def _docstring(model: type[BaseModel]) -> str:
    return (inspect.getdoc(model) or "").replace("``", "`")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


_COMMON = frozenset(TaskSpec.model_fields)
