"""JSON files as tables: the keys and kinds that a file's objects have in common, and their types.

DuckDB's own reader guesses both from the first rows, and reads numbers as doubles. Here the keys come
from the whole file, all values are read as text, and ``texts.py`` infers their types, so that money
is exact.

A file's *shape* is a pair: a kind and its content. ``object`` has a mapping from keys to shapes,
``list`` a shape; ``text``, ``number``, ``boolean``, ``null`` and ``mixed`` (values of several kinds,
which stay JSON) have the facts of their values, once these are known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import duckdb

from ...kit.duckdb_sql import file_literal, literal, quoted
from .find_facts import Texts, find_facts
from .texts import OF_JSON, Facts

# As many rows as DuckDB's own reader samples; that reader then tells whether later rows fit.
_SAMPLE: Final = 20_480
# An object with more keys is a map, and stays JSON.
_MAX_KEYS: Final = 200
_KINDS: Final = {"VARCHAR": "text", "BOOLEAN": "boolean", "NULL": "null", "JSON": "mixed"}
_WHOLE: Final = "maximum_depth = -1, map_inference_threshold = -1, field_appearance_threshold = 0"

# Numbers that DuckDB would round when reading: fractions of more than 15 digits, and numbers too
# large or small for a double. They are quoted first, but not inside an object's strings: from the
# start, the text before a number must consist of complete strings and other characters. So the end
# has to match too, after an added space; it gets quotes, which are cut off together with the space.
_LONG: Final = (
    "-?(?:"
    + "|".join(f"[0-9]{{{n}}}[.][0-9]{{{16 - n},}}" for n in range(1, 16))
    + r"|[0-9]{16,}[.][0-9]+|[0-9]+(?:[.][0-9]+)?[eE][-+]?[0-9]{3,}|[0-9]{16,}[eE][-+]?[0-9]+)"
    r"[0-9]*(?:[eE][-+]?[0-9]+)?"
)
_MAY_BE_LONG: Final = "regexp_matches(json, '[0-9.]{17}|[0-9][eE][-+]?[0-9]{3}')"
_QUOTED_NUMBERS: Final = (
    f"CASE WHEN {_MAY_BE_LONG} THEN "
    r"""left(regexp_replace(json || ' ', '((?:[^"]|"(?:[^"\\]|\\.)*")*?)("""
    + _LONG
    + r"""|\z)', '\1"\2"', 'g'), -3) ELSE json END"""
)


class Shape(NamedTuple):
    """What the values at one path of a file's objects have in common."""

    kind: str
    inner: Any = None

    def merge(self, other: Shape) -> Shape:
        """The common shape of the values of both."""
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
        """The shape with JSON for objects that can't be structs: maps, keys differing in case."""
        if self.kind == "list":
            return Shape("list", self.inner.settle(top=False))
        if self.kind != "object":
            return self
        keys = {key: shape.settle(top=False) for key, shape in self.inner.items()}
        if not top and not 0 < len({key.casefold() for key in keys}) == len(keys) <= _MAX_KEYS:
            return Shape("mixed")
        return Shape("object", keys)

    def carrier(self) -> str:
        """DuckDB's type with text as each leaf."""
        if self.kind == "list":
            return f"{self.inner.carrier()}[]"
        if self.kind == "object":
            return _struct({key: shape.carrier() for key, shape in self.inner.items()})
        return "JSON" if self.kind == "mixed" else "VARCHAR"

    def structure(self) -> Any:
        """The same in the form that ``from_json`` expects."""
        if self.kind == "list":
            return [self.inner.structure()]
        if self.kind == "object":
            return {key: shape.structure() for key, shape in self.inner.items()}
        return self.carrier()

    def type(self) -> str:
        """DuckDB's type that keeps every value unchanged."""
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
        """The shape with the facts of its leaves."""
        if self.kind == "list":
            return Shape("list", self.inner.with_facts(facts))
        if self.kind == "object":
            return Shape("object", {k: shape.with_facts(facts) for k, shape in self.inner.items()})
        return Shape(self.kind, next(facts))

    def has_late_values(self) -> bool:
        """True if a path without values in the sample has some in later rows."""
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
        """The shape for the result of DuckDB's ``json_structure`` of one value."""
        if isinstance(structure, dict):
            return Shape("object", {key: cls.of_structure(it) for key, it in structure.items()})
        if isinstance(structure, list):
            return Shape("list", cls.of_structure(structure[0], in_list=True))
        if structure == "JSON" and not in_list:
            return Shape("object", {})  # a single value has one kind, so this is an empty object
        return Shape(_KINDS.get(structure, "number"))


def _struct(fields: Mapping[str, str]) -> str:
    return f"STRUCT({', '.join(f'{quoted(key)} {kind}' for key, kind in fields.items())})"


class _File(NamedTuple):
    """A file's shape, and whether its numbers have to be protected from DuckDB's reader."""

    shape: Shape
    exact: bool


def profile(connection: duckdb.DuckDBPyConnection, path: str) -> dict[str, Any]:
    """A file's shape, with the facts of its values.

    Raises:
        duckdb.Error: it can't be read.
    """
    objects = f"read_json_objects([{file_literal(path)}], hive_partitioning = false)"
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
    """True if there are numbers that DuckDB's reader would round."""
    for condition in (_MAY_BE_LONG, f"{_QUOTED_NUMBERS} IS DISTINCT FROM json"):
        found = connection.execute(f"SELECT 1 FROM {objects} WHERE {condition} LIMIT 1").fetchone()  # noqa: S608
        if found is None:
            return False
    return True


def _shape_of(
    connection: duckdb.DuckDBPyConnection, objects: str, order: str, shape: Shape
) -> tuple[int, Shape]:
    """The number of rows, and their common shape.

    Args:
        connection: runs the queries.
        objects: the relation with the objects.
        order: the sort order of the distinct structures, which determines the order of the keys.
        shape: the shape of the rows known so far.
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
    """True if DuckDB's strict reader finds no row with a key or list that the first ones lack."""
    if shape.kind != "object":
        return False
    rows = f"read_json([{file_literal(path)}], {_WHOLE}, hive_partitioning = false)"
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
    """The columns of a table by name, in the order of the keys; DuckDB ignores the case of names."""
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


def select(
    files: Sequence[tuple[str, dict[str, Any]]], partitions: str, keys: Sequence[str] = ()
) -> str:
    """A query that reads the rows of files with their profiles.

    Args:
        files: paths and profiles.
        partitions: the reader's options for the columns from folder names.
        keys: these columns' names.
    """
    shape = Shape("null")
    paths: dict[bool, list[str]] = {}
    for path, it in files:
        shape = shape.merge(Shape.from_wire(it["shape"]))
        paths.setdefault(it["exact"], []).append(path)
    shape = shape.settle()
    known = {name.casefold() for name in _columns(shape)}
    columns = [
        f"CAST({quoted(name)} AS {column.type()}) AS {quoted(name)}"
        if column.type() != column.carrier()
        else quoted(name)
        for name, column in _columns(shape).items()
    ]
    columns += [quoted(key) for key in keys if key.casefold() not in known]
    return " UNION ALL BY NAME ".join(
        f"SELECT {', '.join(columns) or '*'} FROM ({_read(some, shape, exact, partitions)})"  # noqa: S608
        for exact, some in paths.items()
    )


def _read(paths: Sequence[str], shape: Shape, exact: bool, partitions: str) -> str:
    """A query that reads the rows of files, with text as each leaf."""
    places = ", ".join(map(file_literal, paths))
    columns = _columns(shape)
    if not exact and shape.kind == "object" and list(columns) == list(shape.inner) and columns:
        kinds = ", ".join(
            f"{literal(name)}: {literal(it.carrier())}" for name, it in columns.items()
        )
        return f"SELECT * FROM read_json([{places}], {partitions}, records = true, columns = {{{kinds}}})"  # noqa: S608
    json_text = _QUOTED_NUMBERS if exact else "json"
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
