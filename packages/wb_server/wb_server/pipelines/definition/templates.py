"""Finds the expressions in a task, and replaces them by their values."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from ...kit.errors import Unprocessable
from ...kit.sizes import MAX_SQL_BYTES
from . import binding, expressions, placing
from .fields import Placed, Sql
from .models import TaskSpec
from .problems import Path

Kind = Literal["sql", "text", "value", "url", "path", "body"]
Spec = TypeVar("Spec", bound=TaskSpec)


@dataclass(frozen=True)
class TemplateText:
    """A text with expressions: its path from the task, and how the values are inserted."""

    path: Path
    text: str
    kind: Kind


def of(spec: TaskSpec) -> Iterator[TemplateText]:
    """The texts of a task that contain expressions, in the file's order."""
    found: list[TemplateText] = []

    def note(path: Path, text: str, kind: Kind) -> Any:
        found.append(TemplateText(path, text, kind))
        return text

    _model(spec, (), note)
    yield from found


def with_files(spec: Spec, files: Mapping[str, bytes]) -> Spec:
    """The task with the text of the SQL files that it names.

    Raises:
        Unprocessable: a file is missing, too large, or not UTF-8 (``bad_file``).
    """
    changed: Spec = _with_files(spec, files)
    return changed


def _with_files(model: Any, files: Mapping[str, bytes]) -> Any:
    changes: dict[str, Any] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, Sql) and value.file is not None:
            changes[name] = Sql(sql_text(value.file, files.get(value.file)), file=value.file)
        elif isinstance(value, BaseModel):
            changed = _with_files(value, files)
            if changed is not value:
                changes[name] = changed
    return model.model_copy(update=changes) if changes else model


def sql_text(name: str, content: bytes | None) -> str:
    """The text of an SQL file.

    Raises:
        Unprocessable: it is missing, too large, or not UTF-8 (``bad_file``).
    """
    reason = None
    if content is None:
        reason = "isn't in the pipeline's folder"
    elif len(content) > MAX_SQL_BYTES:
        reason = f"is larger than {MAX_SQL_BYTES:,} bytes"
    else:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            reason = "isn't UTF-8 text"
    raise Unprocessable(f"The file {name} {reason}.", code="bad_file", file=name)


def guessed(
    spec: type[BaseModel], data: Mapping[str, Any], path: Path = (), *, every: bool = False
) -> Iterator[TemplateText]:
    """As :func:`of`, for the data of an invalid task: the keys decide how to read each text.

    Args:
        every: yield the texts without expressions, too.
    """
    fields = {field.alias or name: field for name, field in spec.model_fields.items()}
    untouched = TaskSpec.untouched if issubclass(spec, TaskSpec) else frozenset()
    for key, value in data.items():
        if key in untouched:
            continue
        members = _members(fields[key].annotation) if key in fields else []
        models = [member for member in members if _is_model(member)]
        if isinstance(value, dict) and models:
            fitting = max(models, key=lambda model: len(set(value) & set(model.model_fields)))
            yield from guessed(fitting, value, (*path, key), every=every)
        else:
            kind: Kind = "sql" if Sql in members else "text"
            yield from texts(value, (*path, key), kind, every=every)


def tags(text: str, kind: Kind) -> Iterator[re.Match[str]]:
    """The tags of template engines in a text, except in comments of SQL."""
    for tag in expressions.tags(text):
        if kind != "sql" or not binding.in_comment(text, tag.start()):
            yield tag


def texts(value: Any, path: Path, kind: Kind, *, every: bool = False) -> Iterator[TemplateText]:
    """The texts in a value that contain expressions, or every text, all of the given kind."""
    if isinstance(value, str) and (every or expressions.has_expression(value)):
        yield TemplateText(path, value, kind)
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts(item, (*path, key), kind, every=every)


def _is_model(member: Any) -> bool:
    return isinstance(member, type) and issubclass(member, BaseModel)


def evaluated(spec: Spec, scope: Mapping[str, Any]) -> Spec:
    """The task with all expressions evaluated: values in the text, or bound to the SQL.

    Raises:
        Unprocessable: an expression can't be computed, or its value doesn't fit the field.
    """

    def value_of(path: Path, text: str, kind: Kind) -> Any:
        if kind == "sql":
            statement = binding.bind(text).evaluate(scope)
            return Sql(statement.sql, statement.parameters)
        placed = _PLACING.get(kind)
        if placed is not None:
            return placed(text, scope)
        template = expressions.parse(text)
        return template.evaluate(scope) if kind == "value" else template.text(scope)

    data = _model(spec, (), value_of)
    try:
        return type(spec).model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Unprocessable(
            f"The value of the expression in {where} isn't valid: {first['msg'].rstrip('.')}.",
            code="expression_failed",
            field=where,
        ) from None


_Replace = Callable[[Path, str, Kind], Any]
_PLACING: Mapping[Kind, Callable[[str, Mapping[str, Any]], Any]] = {
    "url": placing.url,
    "path": placing.path,
    "body": placing.body,
}


def _model(model: BaseModel, path: Path, replace: _Replace) -> dict[str, Any]:
    """A model as data, with each text that contains expressions passed through ``replace``."""
    untouched = model.untouched if isinstance(model, TaskSpec) else frozenset()
    data: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        if name not in model.model_fields_set:
            continue
        key = field.alias or name
        value = getattr(model, name)
        placed = _placed(field.annotation, field.metadata)
        if name in untouched:
            data[key] = value
        elif placed is not None and isinstance(value, str):
            has = expressions.has_expression(value)
            data[key] = replace((*path, key), value, placed.kind) if has else value
        else:
            data[key] = _value(value, field.annotation, (*path, key), replace)
    return data


def _value(value: Any, annotation: Any, path: Path, replace: _Replace) -> Any:
    if isinstance(value, BaseModel):
        return _model(value, path, replace)
    if isinstance(value, Sql):
        return replace(path, value.text, "sql")
    if isinstance(value, str):
        if not expressions.has_expression(value):
            return value
        return replace(path, value, "text" if _only_text(annotation) else "value")
    if isinstance(value, dict):
        inner = _inside(annotation, dict)
        return {key: _value(item, inner, (*path, key), replace) for key, item in value.items()}
    if isinstance(value, list):
        inner = _inside(annotation, list)
        return [_value(item, inner, (*path, index), replace) for index, item in enumerate(value)]
    return value


def _members(annotation: Any) -> list[Any]:
    """The plain types of an annotation: ``Annotated`` and unions unwrapped, None left out."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _members(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [found for part in typing.get_args(annotation) for found in _members(part)]
    return [] if annotation is type(None) else [annotation]


def _placed(annotation: Any, metadata: Iterable[Any] = ()) -> Placed | None:
    """The mark of a field whose text has values encoded for their place."""
    for each in metadata:
        if isinstance(each, Placed):
            return each
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Annotated:
        return _placed(parts[0], parts[1:])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next((found for part in parts if (found := _placed(part)) is not None), None)
    return None


def _inside(annotation: Any, container: type) -> Any:
    """The annotation of the values in a list or mapping; Any if it has none."""
    for member in _members(annotation):
        if typing.get_origin(member) is container and typing.get_args(member):
            return typing.get_args(member)[-1]
    return Any


def _only_text(annotation: Any) -> bool:
    """Whether the annotation's only scalar type is text."""
    members = [
        member for member in _members(annotation) if typing.get_origin(member) not in (list, dict)
    ]
    return bool(members) and all(
        member is str or typing.get_origin(member) is Literal for member in members
    )
