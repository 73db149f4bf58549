"""Wraps a statement so that its values arrive in a form that the driver transfers correctly.

The driver reads a whole row before anything can inspect it. So the database checks the size of each
row and the dimensions of its arrays before it sends the row, and fails the statement with a marker.

    SELECT l0, textin(numeric_out(l1)) …                  small values, used once
    FROM (SELECT c0 AS l0, format('%s', c2) AS l2 …       converted values, whose size is checked
        FROM (SELECT * FROM (the statement) AS p OFFSET 0) AS q(c0, c1 …) OFFSET 0) AS r
    WHERE … the row is small enough …

``OFFSET 0`` keeps PostgreSQL from inlining an expression of the statement in two places and computing
it twice; it changes neither the rows nor their order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

import pyarrow as pa

from ...kit.errors import InvalidInput, WorkbenchError
from ..base import MAX_ROW_BYTES, row_too_large
from .catalog_types import FIRST_OF_A_USER, CatalogType, CatalogTypes, named
from .connection import PostgresConnection
from .driver import quoted, source_type, unsupported
from .numeric import Number, precision_and_scale
from .types import Form, Leaf, Many, Parts, Plain, Span, Text

_MARK: Final = "workbench-"
# With no more numbers than this, of at most 147,456 digits each, a row can't be too large.
_MANY_NUMBERS: Final = 100

_UNNAMED: Final = re.compile(r"unnamed<oid:(\d+)>")
_QUERY: Final = re.compile(r"\s*(?:\(\s*)*(?:SELECT|WITH|VALUES|TABLE)\b", re.IGNORECASE)
_WRITE: Final = re.compile(r"\s*(?:INSERT|UPDATE|DELETE|MERGE|SELECT|WITH)\b", re.IGNORECASE)
_ROWS: Final = "workbench_rows"

# Built-in types that the driver transfers correctly, also in arrays.
_CARRIED: Final = frozenset(
    {
        *("bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "bpchar"),
        *("name", "char", "date", "timestamp", "timestamptz", "time", "bytea", "uuid"),
        *("money", "oid"),
    }
)
_OUTPUTS: Final = {"json": "json_out", "jsonb": "jsonb_out"}


def unknown_types(schema: pa.Schema) -> set[int]:
    """The oids of user-defined types that the driver didn't know when it connected."""
    return {oid for field in schema if (oid := _oid_of(field)) >= FIRST_OF_A_USER}


@dataclass
class Column:
    """A column of an answer."""

    name: str
    source: str
    form: Form


class Query:
    """A statement that returns rows, and the forms of its columns.

    Args:
        sql: the statement.
        schema: the driver's description of its result.
        connection: where types are looked up.
        known: built-in types that were looked up before.
        write: True if it changes data and has a RETURNING.

    Attributes:
        sql: the statement to send instead.
        by_copy: True if COPY supports it, which it doesn't for EXPLAIN and SHOW.

    Raises:
        InvalidInput: ``unsupported_type``.
    """

    def __init__(
        self,
        sql: str,
        schema: pa.Schema,
        connection: PostgresConnection,
        known: dict[int, CatalogType],
        *,
        write: bool,
    ) -> None:
        self._statement = sql
        self._write = write
        self.by_copy = (_WRITE if write else _QUERY).match(sql) is not None
        self._names = [f"c{index}" for index in range(len(schema))]
        forms = _Forms(schema, connection)
        forms.look_up(self, known)
        self.columns = [forms.column(index) for index in range(len(schema))]
        self._leaves: list[list[Leaf]] = [
            column.form.ask(name) for column, name in zip(self.columns, self._names, strict=True)
        ]
        self.sql = sql
        plain = all(
            len(leaves) == 1 and leaves[0] == Leaf(name)
            for leaves, name in zip(self._leaves, self._names, strict=True)
        )
        if plain:
            return
        if self.by_copy:
            self.sql = self._asking()
        for column in self.columns:
            if self.sql is sql and column.form.width > 1:
                raise unsupported(column.name, column.source)

    @property
    def open(self) -> bool:
        """True if a type depends on the values of the first batch."""
        return any(column.form.open() for column in self.columns)

    def types_of(self, places: Sequence[int]) -> str | None:
        """A query for the oids of these columns' types; ``None`` if there can't be one."""
        if self._write or not self.by_copy:
            return None
        wanted = ", ".join(
            f"pg_catalog.int8(pg_catalog.pg_typeof(q.c{place})::pg_catalog.oid)" for place in places
        )
        return (
            f"SELECT {wanted} FROM (SELECT 1) AS one LEFT JOIN "  # noqa: S608  the gate made it
            f"(SELECT * FROM (\n{self._statement}\n) AS p LIMIT 0) AS q({', '.join(self._names)}) "
            "ON true"
        )

    def refusal(self, message: str) -> WorkbenchError | None:
        """The error that a marker in the database's message stands for; ``None`` for other errors."""
        found = re.search(f'"{_MARK}(size|dimensions)-(\\d+)(?:-(\\d+))?"', message)
        if found is None:
            return None
        if found[1] == "size":
            return row_too_large("substring() takes a part, unnest() makes rows of an array")
        name = self.columns[int(found[2])].name
        return InvalidInput(
            f"The column “{name}” holds an array of {found[3]} dimensions, which can't be read. Cast "
            f"it in the query: {quoted(name)}::text, or to_jsonb({quoted(name)}).",
            code="unsupported_type",
            column=name,
        )

    # --- the text -----------------------------------------------------------------------------

    def _asking(self) -> str:
        """The wrapped statement."""
        names = ", ".join(self._names)
        rows = _ROWS if self._write else f"(\n{self._statement}\n) AS p"
        source = f"(SELECT * FROM {rows} OFFSET 0) AS q({names})"  # noqa: S608  the gate made it
        leaves = [
            (index, leaf, leaf.sql != name and bool(leaf.size))
            for index, name in enumerate(self._names)
            for leaf in self._leaves[index]
        ]
        wanted = [
            f"l{place}" if early else leaf.sql for place, (_, leaf, early) in enumerate(leaves)
        ]
        if any(early for _, _, early in leaves):
            made = [
                f"{leaf.sql} AS l{place}" for place, (_, leaf, early) in enumerate(leaves) if early
            ]
            source = f"(SELECT {', '.join((*self._names, *made))} FROM {source} OFFSET 0) AS r"  # noqa: S608
        sizes = [
            leaf.size.replace("{}", value)
            for value, (_, leaf, _) in zip(wanted, leaves, strict=True)
            if leaf.size
        ]
        numbers = [leaf.sql for leaf in map(itemgetter(1), leaves) if "numeric_out" in leaf.sql]
        if len(numbers) > _MANY_NUMBERS:
            sizes += [f"pg_catalog.octet_length({number})" for number in numbers]
        arrays = [(index, leaf.dimensions) for index, leaf, _ in leaves if leaf.dimensions]
        sql = f"SELECT {', '.join(wanted)} FROM {source}"  # noqa: S608  the gate made it
        if sizes or arrays:
            sql += f" WHERE {_guard(sizes, arrays)}"
        if self._write:
            return _as_rows(self._statement, sql)
        return sql


def _guard(sizes: Sequence[str], arrays: Sequence[tuple[int, str]]) -> str:
    """A condition that is true or fails the statement."""
    cases = [
        f"WHEN pg_catalog.int4gt({dimensions}, 1) THEN {_ending(f'dimensions-{index}', dimensions)}"
        for index, dimensions in dict.fromkeys(arrays)
    ]
    if not sizes:
        return f"CASE {' '.join(cases)} ELSE true END"
    cases.append(f"WHEN pg_catalog.int84le({_sum(sizes)}, {MAX_ROW_BYTES}) THEN true")
    # It depends on a column, so that it isn't computed before there are rows.
    return f"CASE {' '.join(cases)} ELSE {_ending('size', sizes[0])} END"


def _ending(mark: str, value: str) -> str:
    """Reads a setting that can't exist; its name is in the error."""
    name = f"pg_catalog.concat('{_MARK}{mark}-', {value})"
    return f"pg_catalog.texteq(pg_catalog.current_setting({name}), '')"


def _sum(terms: Sequence[str]) -> str:
    """The sum of all terms, as a 64-bit integer."""
    groups = []
    # The database limits the nesting of calls.
    for start in range(0, len(terms), 40):
        total = "0::pg_catalog.int8"
        for term in terms[start : start + 40]:
            total = f"pg_catalog.int84pl({total}, coalesce({term}, 0))"
        groups.append(total)
    total = groups[0]
    for group in groups[1:]:
        total = f"pg_catalog.int8pl({total}, {group})"
    return total


_TOKEN: Final = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/|\w+|[(),]""", re.DOTALL
)
_VERBS: Final = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "VALUES", "TABLE"})


def _as_rows(statement: str, sql: str) -> str:
    """The write as the last CTE of a WITH, the only place where a query can read from it."""
    begin, start, depth, before = "WITH ", 0, 0, ""
    if re.match(r"\s*WITH\b", statement, re.IGNORECASE):
        # A data-modifying CTE is allowed only at the top level, so the write's own CTEs precede it.
        for token in _TOKEN.finditer(statement):
            word = token[0].upper()
            depth += (word == "(") - (word == ")")
            if depth == 0 and word in _VERBS and before not in ("WITH", "RECURSIVE", ","):
                start = token.start()
                break
            before = word
        begin = f"{statement[:start]}, "
    return f"{begin}{_ROWS} AS (\n{statement[start:]}\n) {sql}"


class _Forms:
    """Determines the form of each of the driver's columns."""

    def __init__(self, schema: pa.Schema, connection: PostgresConnection) -> None:
        self._schema = schema
        self._connection = connection
        self._oids: dict[int, int] = {}
        self._types: CatalogTypes | None = None
        self._source = ""

    def look_up(self, query: Query, known: dict[int, CatalogType]) -> None:
        """Looks up the types that the driver describes incompletely."""
        self._oids = {
            place: oid for place, field in enumerate(self._schema) if (oid := _oid_of(field))
        }
        places = [place for place, field in enumerate(self._schema) if _is_composite(field.type)]
        if places:
            asking = query.types_of(places)
            if asking is not None:
                (row,) = self._connection.query(asking)
                self._oids |= dict(zip(places, (int(str(oid)) for oid in row), strict=True))
            else:
                for place in places:
                    field = self._schema.field(place)
                    found = named(self._connection, source_type(field))
                    if len(found) != 1:
                        raise unsupported(field.name, source_type(field))
                    self._oids[place] = found[0]
        if self._oids:
            self._types = CatalogTypes(self._connection, known, self._oids.values())

    def column(self, place: int) -> Column:
        field = self._schema.field(place)
        name, source = field.name, source_type(field)
        if place in self._oids:
            assert self._types is not None
            oid = self._oids[place]
            self._source = self._types[oid].name
            return Column(name, self._source, self._of_type(name, oid, -1))
        kind = field.type
        if pa.types.is_list(kind):
            item = self._of_field(name, kind.value_field)
            # A list of values that the driver transfers correctly stays as it is.
            form = Plain(name, self._money, field) if isinstance(item, Plain) else Many(item)
            return Column(name, source, form)
        modifier = int((field.metadata or {}).get(b"POSTGRESQL:typmod", b"-1"))
        if source == "numeric" and modifier >= 4:
            precision, scale = precision_and_scale(modifier)
            source = f"numeric({precision},{scale})"
        return Column(name, source, self._of_field(name, field, modifier))

    @property
    def _money(self) -> int:
        return self._connection.money_decimals

    def _of_field(self, name: str, field: pa.Field, modifier: int = -1) -> Form:
        kind, source = field.type, source_type(field)
        if isinstance(kind, pa.OpaqueType):
            if pa.types.is_string(kind.storage_type):
                return Number(name, modifier)
            return Text(name, source)
        if isinstance(kind, pa.JsonType):
            return Text(name, source, _OUTPUTS.get(source, ""))
        if kind == pa.month_day_nano_interval():
            return Span(name)
        return Plain(name, self._money, field)

    def _of_type(self, name: str, oid: int, modifier: int, *, within: bool = False) -> Form:
        """The form of a type from the catalog; ``within`` is True inside an array."""
        assert self._types is not None
        found = self._types[oid]
        while found.base:
            modifier = found.modifier if found.modifier >= 0 else modifier
            found = self._types[found.base]
        if found.kind == "c":
            return Parts(
                name,
                [
                    (part.name, self._of_type(name, part.oid, part.modifier, within=within))
                    for part in found.parts
                ],
            )
        if found.item:
            if within:
                raise unsupported(name, self._source, ": it has arrays in the elements of an array")
            item = self._of_type(name, found.item, modifier, within=True)
            return Plain(name, self._money, LIST) if isinstance(item, Plain) else Many(item)
        if not found.builtin:
            return Text(name, found.name)
        if found.name == "numeric":
            return Number(name, modifier)
        if found.name == "interval":
            return Span(name)
        if found.name in _CARRIED:
            return Plain(name, self._money)
        return Text(name, found.name, _OUTPUTS.get(found.name, ""))


# Stands for a list of any type that the driver transfers correctly.
LIST: Final = pa.field("", pa.list_(pa.bool_()))


def _is_composite(kind: pa.DataType) -> bool:
    while pa.types.is_list(kind):
        kind = kind.value_type
    return bool(pa.types.is_struct(kind))


def _oid_of(field: pa.Field) -> int:
    """The oid of a type that the driver doesn't know by name, else 0."""
    found = _UNNAMED.fullmatch(source_type(field))
    return int(found[1]) if found else 0


class Conversion:
    """Converts the driver's batches of one answer.

    Args:
        query: the query that was sent.
        schema: the driver's schema of its result.
        first: the first batch, if a type depends on it.
        whole: True if ``first`` is the only batch.
    """

    def __init__(
        self, query: Query, schema: pa.Schema, first: pa.RecordBatch | None, *, whole: bool
    ) -> None:
        self._forms = []
        fields, place = [], 0
        for column in query.columns:
            end = place + column.form.width
            values = [] if first is None else [first.column(index) for index in range(place, end)]
            column.form.settle([schema.field(index) for index in range(place, end)], values, whole)
            self._forms.append((place, end, column.form))
            metadata = {"source_type": column.source} if column.source else None
            fields.append(pa.field(column.name, column.form.type, metadata=metadata))
            place = end
        self.schema = pa.schema(fields)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Converts one batch.

        Raises:
            InvalidInput: Arrow can't represent a value (``numeric_overflow``, ``bad_value``).
        """
        columns = batch.columns
        values = [form.make(columns[place:end]) for place, end, form in self._forms]
        return pa.RecordBatch.from_arrays(values, schema=self.schema)
