"""JSON as tables: the keys and kinds that all objects of a file have, and the types of their values.

DuckDB's own reader guesses both from the first rows, and reads numbers as doubles. Here the keys come
from the whole file, all values are read as texts, and ``duckdb_texts`` finds their types; money is
exact so.

A file's *shape* is a pair: a kind and what is in it. ``object`` has a mapping from keys to shapes,
``list`` a shape; ``text``, ``number``, ``boolean``, ``null`` and ``mixed`` (values of several kinds,
which stay JSON) have the facts of their values, as soon as these are known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import duckdb

from .csv_files import literal, quoted
from .texts import OF_JSON, Facts, Texts, find_facts

# As many rows as DuckDB's own reader looks at: that one then says whether later ones are like them.
_SAMPLE: Final = 20_480
# An object with more keys is a map, and stays JSON.
_MAX_KEYS: Final = 200
_KINDS: Final = {"VARCHAR": "text", "BOOLEAN": "boolean", "NULL": "null", "JSON": "mixed"}
_WHOLE: Final = "maximum_depth = -1, map_inference_threshold = -1, field_appearance_threshold = 0"

# Numbers that DuckDB would round as it reads them: of more than 15 digits and no whole ones, or too
# large or small for a double. They are put into quotes first, outside of the texts of an object: what
# is before one is whole texts and other signs, from the beginning on. So the end has to match as
# well, behind a space, and gets quotes that are cut off with it.
_LONG: Final = (
    "-?(?:"
    + "|".join(f"[0-9]{{{n}}}[.][0-9]{{{16 - n},}}" for n in range(1, 16))
    + r"|[0-9]{16,}[.][0-9]+|[0-9]+(?:[.][0-9]+)?[eE][-+]?[0-9]{3,}|[0-9]{16,}[eE][-+]?[0-9]+)"
    r"[0-9]*(?:[eE][-+]?[0-9]+)?"
)
_MAY_BE_LONG: Final = "regexp_matches(json, '[0-9.]{17}|[0-9][eE][-+]?[0-9]{3}')"
_SPARED: Final = (
    f"CASE WHEN {_MAY_BE_LONG} THEN "
    r"""left(regexp_replace(json || ' ', '((?:[^"]|"(?:[^"\\]|\\.)*")*?)("""
    + _LONG
    + r"""|\z)', '\1"\2"', 'g'), -3) ELSE json END"""
)


class Shape(NamedTuple):
    """What the values at one place of a file's objects have in common."""

    kind: str
    inner: Any = None

    def merge(self, other: Shape) -> Shape:
        """The shape of the values of both."""
        if self.kind == "null" or other.kind == "null":
            return self if other.kind == "null" else other
        if self.kind != other.kind or self.kind == "mixed":
            return Shape("mixed")
        if self.kind == "list":
            return Shape("list", self.inner.merge(other.inner))
        if self.kind == "object":
            keys = dict(self.inner)
            for key, shape in other.inner.items():
                keys[key] = keys[key].merge(shape) if key in keys else shape
            return Shape("object", keys)
        return Shape(self.kind, (self.inner or Facts()) | (other.inner or Facts()))

    def settle(self, *, top: bool = True) -> Shape:
        """The shape with JSON in place of what is no structure: maps, keys that differ by case."""
        if self.kind == "list":
            return Shape("list", self.inner.settle(top=False))
        if self.kind != "object":
            return self
        keys = {key: shape.settle(top=False) for key, shape in self.inner.items()}
        if not top and not 0 < len({key.casefold() for key in keys}) == len(keys) <= _MAX_KEYS:
            return Shape("mixed")
        return Shape("object", keys)

    def carrier(self) -> str:
        """DuckDB's type with a text in each place."""
        if self.kind == "list":
            return f"{self.inner.carrier()}[]"
        if self.kind == "object":
            return _struct({key: shape.carrier() for key, shape in self.inner.items()})
        return "JSON" if self.kind == "mixed" else "VARCHAR"

    def structure(self) -> Any:
        """The same as ``from_json`` takes it."""
        if self.kind == "list":
            return [self.inner.structure()]
        if self.kind == "object":
            return {key: shape.structure() for key, shape in self.inner.items()}
        return self.carrier()

    def type(self) -> str:
        """DuckDB's type in which no value changes."""
        if self.kind == "list":
            return f"{self.inner.type()}[]"
        if self.kind == "object":
            return _struct({key: shape.type() for key, shape in self.inner.items()})
        return "JSON" if self.kind == "mixed" else (self.inner or Facts()).type()

    def leaves(self, sql: str, *, many: bool = False) -> Iterator[Texts]:
        """The texts in a value of the carrier's type, in the order of ``with_facts``."""
        if self.kind == "object":
            for key, shape in self.inner.items():
                place = f"struct_extract({{}}, {literal(key)})"
                inner = (
                    f"list_transform({sql}, lambda o: {place.format('o')})"
                    if many
                    else place.format(sql)
                )
                yield from shape.leaves(inner, many=many)
        elif self.kind == "list":
            yield from self.inner.leaves(f"flatten({sql})" if many else sql, many=True)
        else:
            yield Texts(sql, OF_JSON.get(self.kind, ()), many=many)

    def with_facts(self, facts: Iterator[Facts]) -> Shape:
        """The shape with the facts of its leaves in it."""
        if self.kind == "list":
            return Shape("list", self.inner.with_facts(facts))
        if self.kind == "object":
            return Shape("object", {k: shape.with_facts(facts) for k, shape in self.inner.items()})
        return Shape(self.kind, next(facts))

    def has_late_values(self) -> bool:
        """Whether a place that had no value at first has some after all."""
        if self.kind == "list":
            return bool(self.inner.has_late_values())
        if self.kind == "object":
            return any(shape.has_late_values() for shape in self.inner.values())
        return self.kind == "null" and bool(self.inner.values)

    def to_wire(self) -> Any:
        if self.kind == "list":
            return [self.kind, self.inner.to_wire()]
        if self.kind == "object":
            return [self.kind, {key: shape.to_wire() for key, shape in self.inner.items()}]
        return [self.kind, self.inner and self.inner.to_wire()]

    @classmethod
    def from_wire(cls, wire: Any) -> Shape:
        kind, inner = wire
        if kind == "list":
            return Shape(kind, cls.from_wire(inner))
        if kind == "object":
            return Shape(kind, {key: cls.from_wire(it) for key, it in inner.items()})
        return Shape(kind, inner and Facts.from_wire(inner))

    @classmethod
    def of_structure(cls, structure: Any, *, in_list: bool = False) -> Shape:
        """A shape from what DuckDB calls the structure of one value."""
        if isinstance(structure, dict):
            return Shape("object", {key: cls.of_structure(it) for key, it in structure.items()})
        if isinstance(structure, list):
            return Shape("list", cls.of_structure(structure[0], in_list=True))
        if structure == "JSON" and not in_list:
            return Shape("object", {})  # one value is of one kind, so it is an empty one
        return Shape(_KINDS.get(structure, "number"))


def _struct(fields: Mapping[str, str]) -> str:
    return f"STRUCT({', '.join(f'{quoted(key)} {kind}' for key, kind in fields.items())})"


class _File(NamedTuple):
    """A file's shape, and whether numbers in it have to be spared from DuckDB's reader."""

    shape: Shape
    exact: bool


def profile(connection: duckdb.DuckDBPyConnection, path: str) -> dict[str, Any]:
    """A file's shape, with the facts of its values.

    Raises:
        duckdb.Error: it can't be read.
    """
    objects = f"read_json_objects([{literal(path)}], hive_partitioning = false)"
    first = f"(SELECT json, row_number() OVER () AS n FROM {objects} LIMIT {_SAMPLE})"  # noqa: S608
    rows, shape = _shape_of(connection, first, "min(n)", Shape("null"))
    complete = rows < _SAMPLE
    if not complete and not _all_alike(connection, path, shape):
        _, shape = _shape_of(connection, objects, "s", shape)
        complete = True
    exact = _has_long(connection, objects)
    found = _with_facts(connection, path, shape.settle(), exact)
    if not complete and found.has_late_values():
        _, shape = _shape_of(connection, objects, "s", shape)
        found = _with_facts(connection, path, shape.settle(), exact)
    return {"shape": found.to_wire(), "exact": exact}


def _has_long(connection: duckdb.DuckDBPyConnection, objects: str) -> bool:
    """Whether there are numbers that DuckDB's reader would round."""
    for condition in (_MAY_BE_LONG, f"{_SPARED} IS DISTINCT FROM json"):
        found = connection.execute(f"SELECT 1 FROM {objects} WHERE {condition} LIMIT 1").fetchone()  # noqa: S608
        if found is None:
            return False
    return True


def _shape_of(
    connection: duckdb.DuckDBPyConnection, objects: str, order: str, shape: Shape
) -> tuple[int, Shape]:
    """How many rows there are, and what shape they have in common.

    Args:
        order: of the kinds of rows, which becomes the order of their keys.
        shape: of those that are known.
    """
    rows = 0
    found = connection.execute(
        f"SELECT json_structure(json) AS s, count(*) FROM {objects} GROUP BY s ORDER BY {order}"  # noqa: S608
    )
    while several := found.fetchmany(1000):
        for text, count in several:
            rows += count
            shape = shape.merge(Shape.of_structure(json.loads(text)))
    return rows, shape


def _all_alike(connection: duckdb.DuckDBPyConnection, path: str, shape: Shape) -> bool:
    """Whether no row has a key or a list that the first ones haven't, by DuckDB's strict reader."""
    if shape.kind != "object":
        return False
    rows = f"read_json([{literal(path)}], {_WHOLE}, hive_partitioning = false)"
    try:
        names = connection.sql(f"SELECT * FROM {rows}").columns  # noqa: S608
        counts = ", ".join(f"count({quoted(name)})" for name in names)
        connection.execute(f"SELECT {counts} FROM {rows}")  # noqa: S608
    except duckdb.Error:
        return False
    return len(names) == len(shape.inner)


def _with_facts(
    connection: duckdb.DuckDBPyConnection, path: str, shape: Shape, exact: bool
) -> Shape:
    texts = [
        leaf for name, column in _columns(shape).items() for leaf in column.leaves(quoted(name))
    ]
    facts = find_facts(
        lambda sql: connection.execute(sql).fetchall(),
        f"({_read([path], shape, exact, 'hive_partitioning = false')})",
        texts,
    )
    return shape.with_facts(iter(facts))


def _columns(shape: Shape) -> dict[str, Shape]:
    """The columns of a table by name, in the order of the keys; DuckDB's names ignore case."""
    if shape.kind != "object":
        return {"json": shape}
    columns: dict[str, Shape] = {}
    taken = set()
    for place, (key, column) in enumerate(shape.inner.items()):
        name, number = key or f"C{place}", 0
        while name.casefold() in taken:
            number += 1
            name = f"{key}_{number}"
        taken.add(name.casefold())
        columns[name] = column
    return columns


def select(files: Sequence[tuple[str, dict[str, Any]]], partitions: str) -> str:
    """A query of the rows of files with their profiles.

    Args:
        partitions: options of the reader for the columns that folders' names give.
    """
    shape = Shape("null")
    paths: dict[bool, list[str]] = {}
    for path, it in files:
        shape = shape.merge(Shape.from_wire(it["shape"]))
        paths.setdefault(it["exact"], []).append(path)
    shape = shape.settle()
    changed = []
    for name, column in _columns(shape).items():
        if (kind := column.type()) != column.carrier():
            changed.append(f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}")
    replaced = f" REPLACE ({', '.join(changed)})" if changed else ""
    return " UNION ALL BY NAME ".join(
        f"SELECT *{replaced} FROM ({_read(some, shape, exact, partitions)})"  # noqa: S608
        for exact, some in paths.items()
    )


def _read(paths: Sequence[str], shape: Shape, exact: bool, partitions: str) -> str:
    """A query of the rows of files, with a text in each place."""
    places = ", ".join(map(literal, paths))
    columns = _columns(shape)
    if not exact and shape.kind == "object" and list(columns) == list(shape.inner) and columns:
        kinds = ", ".join(
            f"{literal(name)}: {literal(it.carrier())}" for name, it in columns.items()
        )
        return f"SELECT * FROM read_json([{places}], {partitions}, records = true, columns = {{{kinds}}})"  # noqa: S608
    json_text = _SPARED if exact else "json"
    row = f"from_json({json_text}, {literal(json.dumps(shape.structure()))})"
    objects = f"read_json_objects([{places}], {partitions})"
    if shape.kind != "object" or not columns:
        row = "json" if shape.kind in ("mixed", "null", "object") else row
        return f"SELECT {row} AS json, * EXCLUDE (json) FROM {objects}"  # noqa: S608
    parts = ", ".join(
        f"struct_extract_at(wb_row, {place}) AS {quoted(name)}"
        for place, name in enumerate(columns, 1)
    )
    inner = f"SELECT {row} AS wb_row, * EXCLUDE (json) FROM {objects}"  # noqa: S608
    return f"SELECT {parts}, * EXCLUDE (wb_row) FROM ({inner})"  # noqa: S608
