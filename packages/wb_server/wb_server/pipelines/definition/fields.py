"""The field types of a pipeline file.

A task type builds its spec from these (and from ``str``, ``int``, ``bool``, ``Any`` …). The type of a
field decides how expressions in it are treated:

- :class:`Sql`: expressions become bound parameters;
- ``str``, also within lists and mappings: values are inserted into the text;
- :data:`Url`, :data:`UrlPath`, :data:`Body`: values are inserted encoded for the place they stand in;
- :data:`Value` (``Any``) and unions such as ``int | Template``: a text that is one expression becomes
  its typed value;
- everything else (names, durations, choices, numbers): no expressions.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    StringConstraints,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, core_schema

NAME = r"^[a-z][a-z0-9_]{0,62}$"
_DURATION = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,9})s)?\Z")
_ARTIFACT = re.compile(r"[a-z][a-z0-9_]{0,62}\.[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")
_UNITS = ("days", "hours", "minutes", "seconds")


def read_duration(value: Any) -> timedelta:
    """Parses ``30s``, ``10m``, ``1h``, ``2d`` or a combination, largest unit first: ``1h30m``.

    Raises:
        PydanticCustomError: it isn't a duration.
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and value:
        match = _DURATION.match(value)
        if match:
            parts = {
                unit: int(text) for unit, text in zip(_UNITS, match.groups(), strict=True) if text
            }
            return timedelta(**parts)
    raise PydanticCustomError(
        "bad_duration", "It must be a duration, such as 30s, 10m, 1h, 2d or 1h30m."
    )


def write_duration(value: timedelta) -> str:
    """A duration in the file's notation: ``1h30m``; fractions of a second are dropped."""
    rest = int(value.total_seconds())
    text = ""
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, seconds)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    PlainSerializer(write_duration),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(?=.)(\d{1,5}d)?(\d{1,6}h)?(\d{1,7}m)?(\d{1,9}s)?$",
            "examples": ["30s", "10m", "1h30m", "2d"],
        }
    ),
]


def between(least: timedelta, most: timedelta) -> AfterValidator:
    """Limits a duration to a range, bounds included."""

    def check(value: timedelta) -> timedelta:
        if not least <= value <= most:
            raise PydanticCustomError(
                "bad_duration",
                "It must be from {least} to {most}.",
                {"least": write_duration(least), "most": write_duration(most)},
            )
        return value

    return AfterValidator(check)


def _no_keyword(name: str) -> str:
    if keyword.iskeyword(name):
        raise PydanticCustomError(
            "bad_name",
            "{name} is a Python keyword, which a notebook can't use as a name.",
            {"name": name},
        )
    return name


PipelineName = Annotated[str, StringConstraints(pattern=NAME)]
TaskId = Annotated[str, StringConstraints(pattern=NAME)]
ParameterName = Annotated[str, StringConstraints(pattern=NAME), AfterValidator(_no_keyword)]
ConnectionName = Annotated[
    str,
    StringConstraints(pattern=NAME),
    Field(description="The name of a connection.", examples=["warehouse"]),
]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]


def _relative(path: str) -> str:
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or any(part in ("", ".", "..") for part in parts):
        raise PydanticCustomError(
            "bad_path",
            "It must be a path below the folder of this file, such as notebooks/report.ipynb.",
        )
    return path


FileName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, pattern=r"^[^{}\x00-\x1f]+$"),
    AfterValidator(_relative),
]
"""A file in the pipeline's folder; yield it from ``TaskSpec.files()`` so that the check looks for it."""


def _artifact(value: str) -> str:
    if not _ARTIFACT.match(value):
        raise PydanticCustomError(
            "bad_artifact",
            "It must be a task and the name of its artifact, such as extract.sales.parquet.",
        )
    return value


ArtifactName = Annotated[
    str,
    # No braces, so no expressions: the name is known before a run.
    StringConstraints(max_length=165, pattern=r"^[^{}]*$"),
    AfterValidator(_artifact),
    Field(
        description="An artifact of another task: the task's id, a dot, the artifact's name. This task "
        "must need that one, directly or indirectly.",
        examples=["transform.sales.parquet"],
    ),
]
"""Yield it from ``TaskSpec.reads()`` so that the check looks for it."""

Template = Annotated[str, StringConstraints(pattern=r"\{\{", max_length=10_000)]
"""A text with an expression, for unions with another type: ``int | Template``."""

Value = Any
"""Any JSON; strings in it may be expressions, whose values keep their type."""


@dataclass(frozen=True)
class Placed:
    """Marks a field in whose text values are encoded for their place (``placing``)."""

    kind: Literal["url", "path", "body"]


Url = Annotated[
    str, StringConstraints(min_length=8, max_length=2_000, strip_whitespace=False), Placed("url")
]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/", max_length=2_000), Placed("path")]
Body = Annotated[Any, Placed("body")]
"""As ``Value``; a text that is JSON keeps its structure, whatever the values in it."""


@dataclass(frozen=True)
class Sql:
    """The SQL of a task.

    Attributes:
        text: with expressions, as in the file; in an evaluated spec, with ``:p1``, ``:p2`` …
        parameters: the values in an evaluated spec; None before evaluation.
        file: the file of the pipeline's folder that has the text, if it isn't in the pipeline's own:
            ``text`` is empty until ``templates.with_files`` has read it.
    """

    text: str
    parameters: Mapping[str, Any] | None = None
    file: str | None = None

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        text = core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(min_length=1, max_length=100_000, strip_whitespace=False)
        )

        def read(value: Any, from_text: core_schema.ValidatorFunctionWrapHandler) -> Any:
            if isinstance(value, cls):
                return value
            if not isinstance(value, dict):
                return from_text(value)
            name = value.get("file")
            if set(value) != {"file"} or not isinstance(name, str):
                raise PydanticCustomError(
                    "bad_file", "It must be SQL, or a file with SQL such as {file: load.sql}."
                )
            return cls("", file=_FILE_NAME.validate_python(name))

        return core_schema.no_info_wrap_validator_function(
            read,
            text,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: value.text if value.file is None else {"file": value.file}
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "title": "SQL",
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": 100_000},
                {
                    "type": "object",
                    "properties": {"file": {"type": "string", "minLength": 1, "maxLength": 500}},
                    "required": ["file"],
                    "additionalProperties": False,
                },
            ],
        }


_FILE_NAME: TypeAdapter[str] = TypeAdapter(FileName)
