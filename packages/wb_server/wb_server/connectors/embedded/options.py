"""How files are read: what a connection, and its patterns of file names, say about them.

What isn't said is found out from the file. A pattern's options come before the connection's, and
those of a later pattern before those of an earlier one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent

from .file_tables import KINDS, normal, unread

MAX_PATTERNS: Final = 50
_MAX_YAML: Final = 20_000
_MAX_BRACKETS: Final = 500
_DIRECTIVES: Final = "aAbBdHIjmMpSfyY"
_NUMBER: Final = r"(?:DECIMAL|NUMERIC)\( ?[0-9]{1,2} ?, ?[0-9]{1,2} ?\)"
_TYPE: Final = re.compile(
    rf"{_NUMBER}|SMALLINT|INTEGER|INT|BIGINT|DOUBLE|BOOLEAN|DATE|TIME|TIMESTAMP|VARCHAR|TEXT",
    re.IGNORECASE,
)

Encoding = Literal["utf-8", "utf-16", "latin-1", "windows-1252"]


def _yes_or_no(value: object) -> object:
    return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value


def _as_yes(value: object) -> object:
    return {"yes": True, "no": False}.get(value, value) if isinstance(value, str) else value


def _delimiter(text: str) -> str:
    named = {"tab": "\t", "\\t": "\t", "space": " "}.get(text.lower(), text)
    if len(named) != 1 or named in '\r\n\0"' or named.isalnum():
        raise ValueError("is one character that is neither a letter nor a digit, or the word tab")
    return named


def _quote(text: str) -> str:
    if text.lower() == "none":
        return "none"
    if len(text) != 1 or text.isalnum() or not text.isprintable() or text == " ":
        raise ValueError("is one character, or the word none")
    return text


def _date_format(text: str) -> str:
    used = re.findall("%(.)", text.replace("%%", "") + " ")
    if not used or any(it not in _DIRECTIVES for it in used):
        raise ValueError(
            "is written with %d for the day, %m for the month, %Y for the year of four digits, and "
            "%H, %M, %S for a time: %d.%m.%Y"
        )
    return text


def _sql_type(text: str) -> str:
    kind = " ".join(text.upper().split())
    if not _TYPE.fullmatch(kind):
        raise ValueError(
            "is none of SMALLINT, INTEGER, BIGINT, DECIMAL(p, s), DOUBLE, BOOLEAN, DATE, TIME, "
            "TIMESTAMP, VARCHAR"
        )
    kind = kind.replace("NUMERIC", "DECIMAL").replace("TEXT", "VARCHAR").replace(" ", "")
    if found := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind):
        if not 1 <= int(found[1]) <= 38 or int(found[2]) > int(found[1]):
            raise ValueError("is a DECIMAL of 1 to 38 digits, not all of them after the point")
    return kind


Delimiter = Annotated[str, AfterValidator(_delimiter)]
Quote = Annotated[str, AfterValidator(_quote)]
YesOrNo = Annotated[Literal["yes", "no"], BeforeValidator(_yes_or_no)]
DateFormat = Annotated[str, StringConstraints(max_length=60), AfterValidator(_date_format)]
NullText = Annotated[str, StringConstraints(max_length=100)]
SqlType = Annotated[str, StringConstraints(max_length=40), AfterValidator(_sql_type)]
ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class ReadOptions(BaseModel):
    """What can be said about a file, for a connection and for a pattern."""

    model_config = ConfigDict(extra="forbid")

    encoding: Encoding | None = Field(
        None, title="Encoding", description="Empty: UTF-8, or UTF-16 with a byte order mark."
    )
    delimiter: Delimiter | None = Field(
        None,
        title="Delimiter",
        description="Between two values of a line: one character, or the word tab.",
        max_length=10,
        json_schema_extra={"examples": [";"]},
    )
    quote: Quote | None = Field(
        None,
        title="Quote",
        description="Around a value: one character, or the word none.",
        max_length=10,
        json_schema_extra={"examples": ['"']},
    )
    header: YesOrNo | None = Field(
        None, title="Header", description="Whether the first line has the names of the columns."
    )
    skip: int | None = Field(
        None,
        title="Skipped lines",
        description="How many lines come before the header, or before the first row.",
        ge=0,
        le=10_000,
    )
    decimal: Literal[".", ","] | None = Field(
        None,
        title="Decimal mark",
        description="With a comma, 1.234,50 is a number; with a point, 1,234.50 and 1'234.50.",
    )
    date_format: DateFormat | None = Field(
        None,
        title="Date format",
        description="%d day, %m month, %Y year; with %H, %M, %S it is a point in time.",
        json_schema_extra={"examples": ["%d.%m.%Y"]},
    )
    nulls: list[NullText] | None = Field(
        None,
        title="NULL texts",
        description="One a line: values that stand for NULL.",
        max_length=50,
        json_schema_extra={"examples": ["N/A"]},
    )
    all_varchar: Annotated[bool, BeforeValidator(_as_yes)] | None = Field(
        None, title="All columns are text", description="No types are looked for."
    )


class PatternOptions(ReadOptions):
    """The options of the files whose names match a pattern.

    Attributes:
        format: read the file as if its name ended so; for endings that aren't known.
        types: the types of some columns, by name.
    """

    format: Literal["csv", "tsv", "json", "parquet", "xlsx"] | None = None
    types: dict[ColumnName, SqlType] | None = Field(None, max_length=2000)


@dataclass(frozen=True)
class Reading:
    """A connection's options, and those of its patterns in their order."""

    defaults: Mapping[str, Any] = field(default_factory=dict)
    patterns: tuple[tuple[str, PatternOptions], ...] = ()

    def kind_of(self, path: str) -> str | None:
        """The kind of a file by its path below the folder; ``None`` for files that aren't tables."""
        kind = None
        lower = normal(path)
        for pattern, options in self.patterns:
            if options.format is not None and matches(pattern, lower):
                kind = options.format
        if kind is not None:
            return kind
        return next((kind for end, kind in KINDS.items() if lower.endswith(end)), None)

    def concerns(self, path: str) -> bool:
        """Whether a file is data, or is named as a file that isn't read."""
        return bool(self.kind_of(path) or unread(path))

    def of(self, path: str) -> dict[str, Any]:
        """The options of a file, as a worker's process expects them; what isn't said is left out."""
        said = dict(self.defaults)
        lower = normal(path)
        types: dict[str, str] = {}
        for pattern, options in self.patterns:
            if matches(pattern, lower):
                said.update(options.model_dump(exclude_none=True, exclude={"format", "types"}))
                types.update({normal(name): it for name, it in (options.types or {}).items()})
        return {**said, **({"types": types} if types else {})}


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern fits a path, both in ``normal`` form.

    ``*`` and ``?`` stop at a ``/``, ``**`` doesn't. A pattern without a ``/`` fits a file's name in
    any folder.
    """
    if "/" not in pattern:
        return fnmatchcase(path.rpartition("/")[2], pattern)
    return _fits(pattern.split("/"), path.split("/"))


def _fits(pattern: list[str], path: list[str]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_fits(pattern[1:], path[start:]) for start in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and _fits(pattern[1:], path[1:])


def parse_patterns(text: str) -> tuple[tuple[str, PatternOptions], ...]:
    """The options by pattern, from YAML.

    Raises:
        ValueError: it isn't such YAML; the message says where, and what to write.
    """
    said = _load(text)
    if said is None:
        return ()
    if not isinstance(said, Mapping):
        raise ValueError('is YAML such as "*.csv": {delimiter: ";"}')
    if len(said) > MAX_PATTERNS:
        raise ValueError(f"has more than {MAX_PATTERNS} patterns")
    patterns = []
    for pattern, options in said.items():
        shown = str(pattern)[:100]
        if not isinstance(pattern, str) or not 0 < len(pattern) <= 300 or pattern.startswith("/"):
            raise ValueError(f"“{shown}” is no pattern: write one such as *.csv or 2025/*.csv")
        if pattern.split("/").count("**") > 2:
            raise ValueError(f"“{shown}” has more than two **")
        if not isinstance(options, Mapping | None):
            raise ValueError(f'“{shown}” needs options, such as {{delimiter: ";"}}')
        try:
            made = PatternOptions.model_validate(options or {})
        except ValidationError as error:
            raise ValueError(f"“{shown}”: {_first(error)}") from None
        patterns.append((normal(pattern), made))
    return tuple(patterns)


def _load(text: str) -> object:
    if text.count("[") + text.count("{") > _MAX_BRACKETS:
        raise ValueError("isn't YAML that is read here: it has too many brackets")
    yaml = YAML(typ="safe", pure=True)
    try:
        if any(isinstance(event, AliasEvent) for event in yaml.parse(text)):
            raise ValueError("has an alias: put patterns that begin with * in quotes")
        loaded: object = YAML(typ="safe", pure=True).load(text)
        return loaded
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark is not None else ""
        hint = " Put patterns that begin with * in quotes." if "alias" in str(error) else ""
        problem = str(error.problem or error.context).rstrip(".")
        raise ValueError(f"isn't YAML: {place}{problem}{'.' if hint else ''}{hint}") from None
    except (YAMLError, RecursionError):
        raise ValueError("isn't YAML") from None


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in problem["loc"]) or "options"
    if problem["type"] == "extra_forbidden":
        return f"there is no option {place}; there are {', '.join(PatternOptions.model_fields)}"
    return f"{place} {problem['msg'].removeprefix('Value error, ')}"


def _checked(text: str) -> str:
    parse_patterns(text)
    return text


class FileReading(ReadOptions):
    """How the files of a connection are read. What is left empty is found out from each file."""

    model_config = ConfigDict(
        extra="forbid", title="How files are read", json_schema_extra={"collapsed": True}
    )

    patterns: str = Field(
        "",
        title="For some files only",
        description="YAML, by file name: the options above (encoding, delimiter, quote, header, skip, "
        "decimal, date_format, nulls, all_varchar), types of columns, and the format of files with an "
        "unknown ending. Of several that fit, a later one counts.",
        max_length=_MAX_YAML,
        json_schema_extra={
            "examples": [
                '"sales*.csv":\n  encoding: windows-1252\n  decimal: ","\n  types: {zip: VARCHAR}'
            ]
        },
    )

    @field_validator("patterns")
    @classmethod
    def _readable(cls, text: str) -> str:
        parse_patterns(text)
        return text

    def reading(self) -> Reading:
        """The options, with the patterns parsed."""
        said = self.model_dump(exclude_none=True, exclude={"patterns"})
        return Reading(said, parse_patterns(self.patterns))
