"""The sources, by name."""

from __future__ import annotations

from .duck import Duck
from .files import Files
from .mysql import MySQL
from .place import Place
from .postgres import Postgres
from .tables import Source

SOURCES = ("pg", "my", "duck", "csv", "json", "parquet")


def source_of(name: str, place: Place) -> Source:
    """The source behind one of the Workbench's connections, accessed with its native driver."""
    if name == "pg":
        return Postgres(place.postgres.url)
    if name == "my":
        return MySQL(place.mariadb.connect())
    if name == "duck":
        return Duck(place.database)
    return Files(name, place.folder)
