"""What a source offers: capabilities, schemas, tables, columns."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Capability = Literal["sql", "browse", "load", "call", "preview"]
"""Statements, browsing the catalog, loads into tables, operations called by name, and a table's first
rows before the connection is saved."""


class SchemaInfo(BaseModel):
    name: str
    tables: int | None = None


class TableInfo(BaseModel):
    schema_: str | None = Field(alias="schema", serialization_alias="schema")
    name: str
    kind: Literal["table", "view", "materialized view", "foreign table", "file"]
    comment: str | None = None

    model_config = ConfigDict(populate_by_name=True)


class ColumnInfo(BaseModel):
    name: str
    type: str
    nullable: bool = True
    comment: str | None = None


class Preview(BaseModel):
    """The first rows of a table, as texts."""

    table: str
    columns: list[ColumnInfo]
    rows: list[list[str | None]]


class CatalogMatch(BaseModel):
    """A schema, table or column whose name contains a text."""

    schema_: str | None = Field(alias="schema", serialization_alias="schema")
    table: str | None = Field(default=None, description="`null` if the schema's name matches.")
    kind: str | None = Field(default=None, description="The kind of the table.")
    column: str | None = Field(
        default=None, description="`null` if a table's or schema's name matches."
    )
    type: str | None = Field(default=None, description="The type of the column.")

    model_config = ConfigDict(populate_by_name=True)


class TableKey(BaseModel):
    name: str
    definition: str = Field(description="A key, constraint or index, as the source describes it.")


class TableDefinition(BaseModel):
    """How a table is defined."""

    keys: list[TableKey] = []
    ddl: str | None = Field(
        default=None,
        description="A `CREATE TABLE` statement; `null` where there is none, as for a view.",
    )
