"""Catalog facts about types that the driver describes incompletely.

The driver describes a composite type as it was when the first connection was made, and doesn't know
ranges. So such types are looked up, in the query's own transaction; built-in ones only once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from .connection import PostgresConnection

FIRST_OF_A_USER: Final = 16384  # FirstNormalObjectId

# Operators are qualified, so that user-defined ones can't be called instead.
_TYPES: Final = """
SELECT pg_catalog.int8(t.oid), t.typtype, t.typname,
    t.typnamespace OPERATOR(pg_catalog.=) 11::pg_catalog.oid,
    CASE WHEN t.typcategory OPERATOR(pg_catalog.=) 'A'::pg_catalog."char"
        AND t.typlen OPERATOR(pg_catalog.=) (-1)::pg_catalog.int2
        THEN pg_catalog.int8(t.typelem) ELSE 0::pg_catalog.int8 END,
    pg_catalog.int8(t.typbasetype), t.typtypmod,
    a.attname, pg_catalog.int8(a.atttypid), a.atttypmod
FROM pg_catalog.pg_type t
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) t.typrelid
    AND a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2 AND NOT a.attisdropped
    AND t.typtype OPERATOR(pg_catalog.=) 'c'::pg_catalog."char"
WHERE t.oid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
ORDER BY pg_catalog.int8(t.oid), a.attnum
"""

_NAMED: Final = """
SELECT pg_catalog.int8(t.oid) FROM pg_catalog.pg_type t
WHERE t.typname OPERATOR(pg_catalog.=) $1::pg_catalog.name
"""


@dataclass(frozen=True)
class Part:
    """A field of a composite type."""

    name: str
    oid: int
    modifier: int


@dataclass(frozen=True)
class CatalogType:
    """One type.

    Attributes:
        kind: pg_type's ``typtype``: ``b`` base, ``c`` composite, ``d`` domain, ``e`` enum …
        builtin: True for PostgreSQL's own types.
        item: the element type of an array, else 0.
        base: the base type of a domain, else 0; ``modifier`` is the base type's.
        parts: the fields of a composite type.
    """

    kind: str
    name: str
    builtin: bool
    item: int
    base: int
    modifier: int
    parts: tuple[Part, ...]


class CatalogTypes:
    """Types by their oid, including the types that they consist of.

    Args:
        connection: where they are looked up.
        known: built-in types that were looked up before; new ones are added.
        wanted: the oids to look up.
    """

    def __init__(
        self, connection: PostgresConnection, known: dict[int, CatalogType], wanted: Iterable[int]
    ) -> None:
        self._types: dict[int, CatalogType] = {}
        asked = set(wanted)
        while asked:
            new = {oid: known[oid] for oid in asked if oid in known}
            if unknown := sorted(asked - new.keys()):
                new |= _look_up(connection, unknown)
            known.update((oid, found) for oid, found in new.items() if oid < FIRST_OF_A_USER)
            self._types |= new
            asked = {
                oid
                for found in new.values()
                for oid in (found.item, found.base, *(part.oid for part in found.parts))
                if oid and oid not in self._types
            }

    def __getitem__(self, oid: int) -> CatalogType:
        return self._types[oid]


def _look_up(connection: PostgresConnection, oids: list[int]) -> dict[int, CatalogType]:
    text = "{" + ",".join(map(str, oids)) + "}"
    rows: list[Any] = connection.query(_TYPES, text)
    parts: dict[int, list[Part]] = {}
    for row in rows:
        found = parts.setdefault(row[0], [])
        if row[7] is not None:
            found.append(Part(row[7], row[8], row[9]))
    return {
        row[0]: CatalogType(row[1], row[2], row[3], row[4], row[5], row[6], tuple(parts[row[0]]))
        for row in rows
    }


def named(connection: PostgresConnection, name: str) -> list[int]:
    """The oids of the types with this name, in any schema."""
    return [int(str(oid)) for (oid,) in connection.query(_NAMED, name)]
