"""Problems of a file and their positions."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

Path = tuple[str | int, ...]
"""The keys and list indexes (from 0) that lead to a value."""


class Position(NamedTuple):
    """A line and a column of the file, both from 1; columns count characters."""

    line: int
    column: int


class Problem(BaseModel):
    """One mistake in a file, worded for its author."""

    model_config = ConfigDict(frozen=True)

    line: int = Field(ge=1, description="The line, from 1.")
    column: int = Field(ge=1, description="The column, from 1, in characters.")
    path: tuple[str | int, ...] = Field(description="The path of keys to it.")
    code: str = Field(description="A stable code for the kind of problem, for programs.")
    message: str = Field(description="What is wrong and what to do.")

    def __init__(self, line: int, column: int, path: Path, code: str, message: str) -> None:
        super().__init__(line=line, column=column, path=path, code=code, message=message)
