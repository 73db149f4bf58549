"""The base of request models, and types of their fields."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError


class Request(BaseModel):
    """Base of request bodies: an unknown field is an error, so a typo doesn't go unnoticed."""

    model_config = ConfigDict(extra="forbid")


Count = Annotated[int, Field(le=2**31 - 1)]
"""A number that the metadata database can compare with those of versions, runs and pieces of logs."""


def _written_as_day(value: Any) -> Any:
    # By itself pydantic takes seconds since 1970 for a day, too, and texts of digits.
    text = value.isoformat() if type(value) is date else value
    if isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return text
    raise PydanticCustomError("day", "It must be a day, such as 2026-01-31")


Day = Annotated[date, BeforeValidator(_written_as_day)]
"""A day, written as in ISO 8601."""
