"""The types of parameters: how the file declares them, and which values fit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from .expressions import has_expression

MAX_ITEMS = 1_000
MAX_TEXT = 10_000
_MAX_INTEGER = 2**63 - 1

ItemType = Literal["text", "integer", "number", "boolean", "date"]


def _default_field(*examples: Any) -> Any:
    return Field(
        default=None,
        description="The value for runs that are started without one. It may be an expression that "
        "uses `run.…` and `pipeline.…`.",
        examples=list(examples),
    )


class AnyParameter(BaseModel):
    """The base of all parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str
    description: str = Field(
        default="",
        max_length=2_000,
        description="What it means; shown in the form that starts a run.",
        examples=["The month to load"],
    )
    default: Any = _default_field()
    required: bool | None = Field(
        default=None,
        strict=True,
        description="Whether a run needs a value to start. If not set, it does if there is no `default`. "
        "With `false` and no default, the value is null.",
        examples=[True],
    )

    @property
    def is_required(self) -> bool:
        """Whether a run without a value can't start."""
        return self.default is None if self.required is None else self.required

    def convert(self, value: Any) -> Any:
        """The typed value, from itself or from its JSON form.

        Raises:
            ValueError: it doesn't fit; the text is a sentence.
        """
        raise NotImplementedError

    def form(self) -> dict[str, Any]:
        """The JSON Schema of a value."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _default_fits(self) -> Self:
        if self.default is None or has_expressions(self.default):
            return self
        try:
            self.convert(self.default)
        except ValueError as error:
            raise _mistake("default", str(error)) from None
        return self

    @model_validator(mode="after")
    def _required_or_default(self) -> Self:
        if self.required and self.default is not None:
            raise _mistake(
                "required", "A required parameter can't have a default. Remove one of the two."
            )
        return self


def _mistake(key: str, sentence: str) -> PydanticCustomError:
    """An error about one key, found when the whole part is validated (see ``check``)."""
    return PydanticCustomError("bad_value", "{reason}", {"reason": sentence, "key": key})


class TextParameter(AnyParameter):
    """Text."""

    type: Literal["text"]
    default: Any = _default_field("north")
    max_length: int = Field(
        default=MAX_TEXT,
        ge=1,
        le=MAX_TEXT,
        strict=True,
        description="The maximum number of characters.",
        examples=[100],
    )

    def convert(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("It must be text. Put it in quotes.")
        if len(value) > self.max_length:
            raise ValueError(f"It must have at most {self.max_length:,} characters.")
        return value

    def form(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.max_length}


class IntegerParameter(AnyParameter):
    """A whole number."""

    type: Literal["integer"]
    default: Any = _default_field(12)
    minimum: int | None = Field(
        default=None, strict=True, description="The smallest value.", examples=[1]
    )
    maximum: int | None = Field(
        default=None, strict=True, description="The largest value.", examples=[12]
    )

    def convert(self, value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_INTEGER:
            raise ValueError("It must be a whole number.")
        _within(value, self.minimum, self.maximum)
        return value

    def form(self) -> dict[str, Any]:
        return {"type": "integer", **_bounds(self.minimum, self.maximum)}


class NumberParameter(AnyParameter):
    """A number, with or without decimals."""

    type: Literal["number"]
    default: Any = _default_field(0.5)
    minimum: float | None = Field(
        default=None, strict=True, description="The smallest value.", examples=[0]
    )
    maximum: float | None = Field(
        default=None, strict=True, description="The largest value.", examples=[99.5]
    )

    def convert(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            raise ValueError("It must be a number.")
        _within(value, self.minimum, self.maximum)
        return float(value)

    def form(self) -> dict[str, Any]:
        return {"type": "number", **_bounds(self.minimum, self.maximum)}


class BooleanParameter(AnyParameter):
    """`true` or `false`."""

    type: Literal["boolean"]
    default: Any = _default_field(True)

    def convert(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError("It must be true or false, without quotes.")
        return value

    def form(self) -> dict[str, Any]:
        return {"type": "boolean"}


class DateParameter(AnyParameter):
    """A day, written `2026-01-31`."""

    type: Literal["date"]
    default: Any = _default_field("{{ run.date | first_of_month(-1) }}", "2026-01-31")

    def convert(self, value: Any) -> date:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if isinstance(value, str) and len(value) == 10:
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        raise ValueError("It must be a date, such as 2026-01-31.")

    def form(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}


Choice = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ChoiceParameter(AnyParameter):
    """One of several texts."""

    type: Literal["choice"]
    default: Any = _default_field("eu")
    choices: list[Choice] = Field(
        min_length=1,
        max_length=200,
        description="The texts to choose from.",
        examples=[["eu", "us"]],
    )

    def convert(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise ValueError(f"It must be one of: {', '.join(self.choices)}.")
        return value

    def form(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(dict.fromkeys(self.choices))}


class ListParameter(AnyParameter):
    """A list of values of one type."""

    type: Literal["list"]
    default: Any = _default_field(["eu", "us"])
    items: ItemType = Field(
        default="text", description="The type of each item.", examples=["integer"]
    )
    max_items: int = Field(
        default=MAX_ITEMS,
        ge=1,
        le=MAX_ITEMS,
        strict=True,
        description="The maximum number of items.",
        examples=[10],
    )

    def convert(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValueError("It must be a list.")
        if len(value) > self.max_items:
            raise ValueError(f"It must be a list of at most {self.max_items:,} items.")
        converted = []
        for number, item in enumerate(value, start=1):
            try:
                converted.append(self.item.convert(item))
            except ValueError as error:
                raise ValueError(f"Item {number}: {error}") from None
        return converted

    @property
    def item(self) -> AnyParameter:
        """The parameter type that converts one item."""
        return _ITEMS[self.items]

    def form(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.form(), "maxItems": self.max_items}


Parameter = Annotated[
    TextParameter
    | IntegerParameter
    | NumberParameter
    | BooleanParameter
    | DateParameter
    | ChoiceParameter
    | ListParameter,
    Field(discriminator="type"),
]
Definitions = Mapping[str, Parameter]

PARAMETER_TYPES: dict[str, type[AnyParameter]] = {
    "text": TextParameter,
    "integer": IntegerParameter,
    "number": NumberParameter,
    "boolean": BooleanParameter,
    "date": DateParameter,
    "choice": ChoiceParameter,
    "list": ListParameter,
}
_ITEMS: dict[str, AnyParameter] = {
    "text": TextParameter(type="text"),
    "integer": IntegerParameter(type="integer"),
    "number": NumberParameter(type="number"),
    "boolean": BooleanParameter(type="boolean"),
    "date": DateParameter(type="date"),
}


def has_expressions(default: Any) -> bool:
    """Whether a default contains expressions."""
    if isinstance(default, list):
        return any(has_expressions(item) for item in default if isinstance(item, str))
    return isinstance(default, str) and has_expression(default)


def _finite(value: float) -> bool:
    return abs(value) <= 1e308


def _within(value: float, minimum: float | None, maximum: float | None) -> None:
    if minimum is not None and value < minimum:
        raise ValueError(f"It must be at least {minimum}.")
    if maximum is not None and value > maximum:
        raise ValueError(f"It must be at most {maximum}.")


def _bounds(minimum: float | None, maximum: float | None) -> dict[str, float]:
    given = {"minimum": minimum, "maximum": maximum}
    return {key: bound for key, bound in given.items() if bound is not None}
