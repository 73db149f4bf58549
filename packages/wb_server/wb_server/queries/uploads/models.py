"""The models of uploads on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator

from ...kit.request import Request
from ..models import QueryId

Title = Annotated[str, StringConstraints(min_length=1, max_length=300)]
TablePart = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class UploadRequest(Request):
    """A file that will be sent, to load it into a connection."""

    connection: str = Field(description="A connection's name or id.")
    name: str = Field(min_length=1, max_length=300, description="The file's name.")
    size: int = Field(ge=1, le=2**50, description="Its size in bytes.")


class Upload(BaseModel):
    """A file that a user is sending, or has sent. Nobody else sees it."""

    id: str
    name: str
    size: int
    received: int = Field(description="How many bytes have arrived.")
    part_bytes: int = Field(description="The maximum size of a part.")
    expires_at: datetime = Field(description="When it is removed, unless it is used before.")
    table: str = Field(description="A name for a table, after the file's.")
    options_schema: dict[str, Any] = Field(
        description="The JSON schema of the options that matter for such a file. Its `typed` says "
        "whether the types of columns may be set."
    )


class PartQuery(Request):
    """Where a part of the file belongs."""

    offset: int = Field(ge=0, le=2**50, description="The number of bytes before it.")


class UploadSource(Request):
    """What is read from an upload."""

    connection: str = Field(description="The name or id of the connection that it is loaded into.")
    options: dict[str, Any] = Field(
        default={},
        description="How the file is read: the options of a files connection, the `format` of a file "
        "with an unknown ending, and the `types` of columns by their names in the file.",
        examples=[{"encoding": "windows-1252", "types": {"zip": "VARCHAR"}}],
    )
    sheet: Title | None = Field(None, description="The sheet of a workbook; the first one if null.")


class UploadColumn(BaseModel):
    """A column of a file."""

    name: str = Field(description="Its name in the file.")
    suggested: str = Field(description="A name for it in a table.")
    type: str = Field(
        description="Its type in a table that is created for it; empty if it can't be loaded."
    )


class UploadPreview(BaseModel):
    """The first rows of a file. What can't be read is a result here."""

    sheets: list[str] = Field(default=[], description="The sheets of a workbook.")
    sheet: str | None = None
    columns: list[UploadColumn] = []
    rows: list[list[str | None]] = []
    code: str | None = Field(default=None, description="Of the error, if the file can't be read.")
    message: str = ""
    details: dict[str, Any] = {}


class LoadedColumn(Request):
    """A column that is loaded."""

    column: Title = Field(description="Its name in the file.")
    name: TablePart = Field(description="Its name in the table.")


class UploadLoad(UploadSource):
    """Where the rows of an upload go."""

    schema_: TablePart | None = Field(
        None, alias="schema", description="The table's schema; the login's default if null."
    )
    table: TablePart
    mode: Literal["create", "append", "replace"] = Field(
        description="`create` makes the table, `append` adds the rows to an existing one, and `replace` "
        "puts them in the place of its rows."
    )
    columns: list[LoadedColumn] = Field(
        min_length=1, max_length=2000, description="What is loaded; other columns are left out."
    )
    query_id: QueryId | None = Field(None, description="A UUID, to cancel the load by.")

    @model_validator(mode="after")
    def _named_once(self) -> UploadLoad:
        names = [each.name for each in self.columns]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two columns are called {twice}: rename one, or leave it out")
        return self


class UploadLoaded(BaseModel):
    """The result of a load: all rows are in the table."""

    rows: int
    schema_: str | None = Field(alias="schema", serialization_alias="schema")
    table: str
    elapsed_ms: float


class UploadRemoved(BaseModel):
    removed: bool
