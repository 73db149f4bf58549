"""From what the ADBC driver hands over to Arrow types that every reader understands.

The rule of ``numeric``
-----------------------
The driver hands ``numeric`` over as text. It becomes ``decimal128``, and no digit is ever rounded:

1. **Declared**, ``numeric(p, s)`` with p of at most 38: ``decimal128(p, s)``. A negative scale
   (values in thousands) becomes ``decimal128(p - s, 0)``; a scale above the precision
   ``decimal128(s, s)``.
2. **Undeclared** (a column without precision, a computed value such as ``sum(amount)``, or more
   than 38 digits declared): the scale is taken from the values of the first batch, about 1 MiB.

   - That batch is the whole answer: ``decimal128(38, s)`` with s the largest scale in it.
   - More follows: ``decimal128(38, max(s, 18))``, less only where the first batch holds numbers
     with more than 20 digits before the point. Later rows may well have more decimals than
     the first ones (a column without a declared scale, a quotient), so the type leaves room.
     18 decimals and 20 digits before the point hold money, rates and PostgreSQL's quotients.

   The type depends on the answer alone, so the same rows in the same order give the same type.
3. **A value that doesn't fit** is an error (``numeric_overflow``) that says how to cast, as are
   ``NaN`` and ``Infinity`` (``bad_value``). Trailing zeros don't count.

A ``numeric`` inside an array or a composite value stays text.

Other types
-----------
=============================  ============================================================
PostgreSQL                     Arrow
=============================  ============================================================
bool, int2/4/8, float4/8       bool, int16/32/64, float, double
text, varchar, char, name,     string (``char(n)`` keeps its padding)
enum, json, jsonb, xml, uuid
date                           date32; ``infinity`` is an error (``bad_value``)
timestamp, timestamptz         timestamp[us], timestamp[us, UTC]; ``infinity`` is an error
time                           time64[us]; ``24:00`` is an error
interval                       month_day_nano_interval
money                          decimal128(19, decimals of the server's currency)
oid, xid, regclass and such    int64
bytea                          binary
inet, cidr, macaddr, timetz,   string, as PostgreSQL prints it
bit, varbit, pg_lsn
arrays                         list; of several dimensions: **flattened by the driver**
composite types                struct
all others (ranges, geometry,  binary, in PostgreSQL's wire format: cast to text in the query
tsvector …)
=============================  ============================================================

Each field's metadata holds ``source_type``, the type's name in PostgreSQL.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ...kit.errors import InvalidInput

ROOMY_SCALE: Final = 18
MAX_DIGITS: Final = 38

_Convert = Callable[[pa.Array], pa.Array]

# What the driver makes of infinity and of times past its range wraps around to far below the
# earliest date that PostgreSQL knows (4713 BC).
_EARLIEST_DAY: Final = -2_500_000
_EARLIEST_MICROSECOND: Final = _EARLIEST_DAY * 86_400_000_000
_DAY: Final = 86_400_000_000

_UNSIGNED: Final = frozenset(
    (
        *("xid", "cid", "regclass", "regproc", "regprocedure", "regoper", "regoperator"),
        *("regtype", "regrole", "regnamespace", "regconfig", "regdictionary", "regcollation"),
    )
)
_UNNAMED: Final = re.compile(r"unnamed<oid:(\d+)>")


@dataclass(frozen=True)
class Column:
    """One column of an answer: its Arrow field, and how its values get there."""

    field: pa.Field
    convert: _Convert | None

    def __call__(self, values: pa.Array) -> pa.Array:
        return values if self.convert is None else self.convert(values)


class Conversion:
    """Turns the driver's batches of one answer into ours.

    Args:
        schema: the driver's.
        money_decimals: how many decimals ``money`` has on this server.
        first: the first batch, where there is an undeclared numeric.
        whole: whether ``first`` is all there is.
    """

    def __init__(
        self,
        schema: pa.Schema,
        money_decimals: int,
        first: pa.RecordBatch | None = None,
        *,
        whole: bool = True,
    ) -> None:
        self._columns: list[Column] = []
        for index, field in enumerate(schema):
            if _is_numeric(field):
                kind = declared(field)
                if kind is None:
                    texts = None if first is None else _storage(first.column(index))
                    kind = observed(field.name, texts, whole=whole)
                self._columns.append(_numeric_column(field, kind))
            else:
                self._columns.append(_column(field, money_decimals))
        self.schema = pa.schema([column.field for column in self._columns])

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """One batch, converted.

        Raises:
            InvalidInput: ``numeric_overflow`` or ``bad_value``: a value that Arrow can't hold.
        """
        values = [column(batch.column(i)) for i, column in enumerate(self._columns)]
        return pa.RecordBatch.from_arrays(values, schema=self.schema)


def has_numeric(schema: pa.Schema) -> bool:
    """Whether a column is a ``numeric``."""
    return any(_is_numeric(field) for field in schema)


def with_texts(sql: str, schema: pa.Schema) -> str:
    """A query as one that asks for its numbers as texts.

    The driver would make the same texts itself, from PostgreSQL's binary digits; its wheel is
    compiled without optimisation and takes 0.5 microseconds for each, the database a third of that
    and on another processor.

    Args:
        sql: one query, of which ``schema`` is the driver's description.
    """
    names = [f"c{index}" for index in range(len(schema))]
    wanted = [
        f"{name}::pg_catalog.text" if _is_numeric(field) else name
        for name, field in zip(names, schema, strict=True)
    ]
    # PostgreSQL keeps the order of a sorted subquery where nothing else is done with it.
    return f"SELECT {', '.join(wanted)} FROM ({sql}\n) AS q({', '.join(names)})"  # noqa: S608 (the gate made it)


def needs_first_batch(schema: pa.Schema) -> bool:
    """Whether a type of this answer depends on its values: an undeclared numeric."""
    return any(_is_numeric(field) and declared(field) is None for field in schema)


def unknown_types(schema: pa.Schema) -> set[int]:
    """The oids of types that the driver didn't know when it connected."""
    return {
        int(found[1])
        for field in schema
        if (found := _UNNAMED.fullmatch(_source_type(field))) is not None
    }


def declared(field: pa.Field) -> pa.DataType | None:
    """The decimal type of a numeric field with precision and scale, else ``None``."""
    typmod = int((field.metadata or {}).get(b"POSTGRESQL:typmod", b"-1"))
    if typmod < 4:
        return None
    # As in PostgreSQL's numeric.c: 16 bits of precision, 11 bits of scale with sign.
    precision = ((typmod - 4) >> 16) & 0xFFFF
    scale = ((typmod - 4) & 0x7FF ^ 1024) - 1024
    digits = max(precision, scale) if scale >= 0 else precision - scale
    if digits > MAX_DIGITS:
        return None
    return pa.decimal128(digits, max(scale, 0))


def observed(name: str, texts: pa.Array | None, *, whole: bool) -> pa.DataType:
    """The decimal type of an undeclared numeric by its first values: rule 2."""
    scale, integers = (0, 1) if texts is None else _digits(texts)
    if texts is not None and scale > MAX_DIGITS:
        scale, integers = _digits(_without_trailing_zeros(texts))
        # What still doesn't fit is refused by the conversion, in its own words.
        scale = min(scale, MAX_DIGITS)
    if not whole:
        scale = max(scale, min(ROOMY_SCALE, MAX_DIGITS - integers))
    return pa.decimal128(MAX_DIGITS, scale)


def _digits(texts: pa.Array) -> tuple[int, int]:
    """The most digits after and before the point. A minus sign counts as one before it."""
    point = pc.find_substring(texts, ".")
    length = pc.binary_length(texts)
    has_point = pc.greater_equal(point, 0)
    after = pc.max(pc.if_else(has_point, pc.subtract(pc.subtract(length, point), 1), 0)).as_py()
    before = pc.max(pc.if_else(has_point, point, length)).as_py()
    return after or 0, before or 1


def _is_numeric(field: pa.Field) -> bool:
    return isinstance(field.type, pa.OpaqueType) and field.type.type_name == "numeric"


def _source_type(field: pa.Field) -> str:
    name: bytes = (field.metadata or {}).get(b"POSTGRESQL:type", b"")
    return name.decode("utf-8", "replace")


def _field(name: str, kind: pa.DataType, source: str) -> pa.Field:
    return pa.field(name, kind, metadata={"source_type": source} if source else None)


def _storage(values: pa.Array) -> pa.Array:
    return values.storage if isinstance(values, pa.ExtensionArray) else values


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


def _numeric_column(field: pa.Field, kind: pa.DataType) -> Column:
    name = field.name

    def convert(values: pa.Array) -> pa.Array:
        texts = _storage(values)
        try:
            return pc.cast(texts, kind)
        except pa.ArrowInvalid:
            pass
        try:
            return pc.cast(_without_trailing_zeros(texts), kind)
        except pa.ArrowInvalid:
            raise _unfit(name, texts, kind) from None

    source = "numeric"
    typmod = int((field.metadata or {}).get(b"POSTGRESQL:typmod", b"-1"))
    if typmod >= 4:
        scale = ((typmod - 4) & 0x7FF ^ 1024) - 1024
        source = f"numeric({((typmod - 4) >> 16) & 0xFFFF},{scale})"
    return Column(_field(name, kind, source), convert)


def _without_trailing_zeros(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts, r"(\.\d*?)0+$", r"\1")


def _unfit(name: str, texts: pa.Array, kind: pa.DataType) -> InvalidInput:
    column = _quoted(name)
    special = pc.is_in(
        texts, value_set=pa.array(["NaN", "Infinity", "-Infinity", "nan", "inf", "-inf"])
    )
    if pc.any(special).as_py():
        return InvalidInput(
            f"The column “{name}” holds NaN or Infinity, which no decimal number can be. "
            f"Cast it in the query: {column}::double precision.",
            code="bad_value",
            column=name,
        )
    return InvalidInput(
        f"The column “{name}” holds a number that does not fit into {kind.precision} digits with "
        f"{kind.scale} decimals. Cast it in the query, for example {column}::numeric(30, 4).",
        code="numeric_overflow",
        column=name,
    )


def _column(field: pa.Field, money_decimals: int) -> Column:
    source = _source_type(field)
    kind, convert = _converter(field.type, source, field.name, money_decimals)
    return Column(_field(field.name, kind, source), convert)


def _converter(
    kind: pa.DataType, source: str, name: str, money_decimals: int
) -> tuple[pa.DataType, _Convert | None]:
    """The target type and the conversion (``None``: as it is) for one type, nested ones too."""
    if isinstance(kind, pa.OpaqueType):
        return _opaque(kind)
    if isinstance(kind, pa.UuidType):
        return pa.string(), _uuid_texts
    if isinstance(kind, pa.BaseExtensionType):
        return kind.storage_type, _storage
    if pa.types.is_timestamp(kind):
        return kind, _at_least(name, pa.int64(), _EARLIEST_MICROSECOND)
    if pa.types.is_date32(kind):
        return kind, _at_least(name, pa.int32(), _EARLIEST_DAY)
    if pa.types.is_time64(kind):
        return kind, _below_a_day(name)
    if source == "money":
        return pa.decimal128(19, money_decimals), _money(money_decimals)
    if source == "oid":
        return pa.int64(), lambda values: values.view(pa.uint32()).cast(pa.int64())
    if pa.types.is_list(kind):
        return _list(kind, name, money_decimals)
    if pa.types.is_struct(kind):
        return _struct(kind, name, money_decimals)
    return kind, None


def _list(kind: pa.DataType, name: str, money_decimals: int) -> tuple[pa.DataType, _Convert | None]:
    item = kind.value_field
    inner, convert = _converter(item.type, _source_type(item), name, money_decimals)
    target = pa.list_(inner)

    def rebuild(values: pa.Array) -> pa.Array:
        items = values.values if convert is None else convert(values.values)
        return pa.ListArray.from_arrays(
            values.offsets, items, type=target, mask=values.is_null() if values.null_count else None
        )

    return target, rebuild


def _struct(
    kind: pa.DataType, name: str, money_decimals: int
) -> tuple[pa.DataType, _Convert | None]:
    parts = [
        (part, *_converter(part.type, _source_type(part), name, money_decimals)) for part in kind
    ]
    fields = [pa.field(part.name, inner) for part, inner, _ in parts]

    def rebuild(values: pa.Array) -> pa.Array:
        arrays = [
            values.field(i) if convert is None else convert(values.field(i))
            for i, (_, _, convert) in enumerate(parts)
        ]
        if not arrays:
            return values
        return pa.StructArray.from_arrays(
            arrays, fields=fields, mask=values.is_null() if values.null_count else None
        )

    return pa.struct(fields), rebuild


def _opaque(kind: pa.OpaqueType) -> tuple[pa.DataType, _Convert | None]:
    named = kind.type_name
    if named == "xml":
        return pa.string(), lambda values: values.storage.cast(pa.string())
    if named in _UNSIGNED:
        return pa.int64(), _each(lambda raw: int.from_bytes(raw, "big"), pa.int64())
    decode = _DECODERS.get(named)
    if decode is not None:
        return pa.string(), _each(decode, pa.string())
    return kind.storage_type, _storage


def _each(decode: Callable[[bytes], Any], kind: pa.DataType) -> _Convert:
    """Decodes value by value; each distinct one once, since such columns repeat a lot."""

    def convert(values: pa.Array) -> pa.Array:
        coded = values.storage.dictionary_encode()
        texts = pa.array(
            [None if raw is None else decode(raw) for raw in coded.dictionary.to_pylist()], kind
        )
        return texts.take(coded.indices)

    return convert


def _at_least(name: str, plain: pa.DataType, earliest: int) -> _Convert:
    def convert(values: pa.Array) -> pa.Array:
        lowest = pc.min(values.view(plain)).as_py()
        if lowest is not None and lowest < earliest:
            column = _quoted(name)
            raise InvalidInput(
                f"The column “{name}” holds an infinite date, or one past the year 294000, which "
                f"has no exact value here. Cast it in the query: {column}::text, or replace it: "
                f"NULLIF({column}, 'infinity').",
                code="bad_value",
                column=name,
            )
        return values

    return convert


def _below_a_day(name: str) -> _Convert:
    def convert(values: pa.Array) -> pa.Array:
        highest = pc.max(values.view(pa.int64())).as_py()
        if highest is not None and highest >= _DAY:
            raise InvalidInput(
                f"The column “{name}” holds the time 24:00, which has no exact value here. "
                f"Cast it in the query: {_quoted(name)}::text.",
                code="bad_value",
                column=name,
            )
        return values

    return convert


def _money(decimals: int) -> _Convert:
    def convert(values: pa.Array) -> pa.Array:
        units = values.cast(pa.decimal128(19, 0))
        # The same digits with the point moved: nothing is computed, so nothing is rounded.
        return pa.Array.from_buffers(
            pa.decimal128(19, decimals), len(units), units.buffers(), offset=units.offset
        )

    return convert


def _uuid_texts(values: pa.Array) -> pa.Array:
    raw = values.storage
    size = len(raw)
    data = raw.buffers()[1]
    start = raw.offset * 16
    digits = b"" if data is None else memoryview(data)[start : start + size * 16].hex().encode()
    whole = pa.Array.from_buffers(pa.binary(32), size, [None, pa.py_buffer(digits)])
    texts = whole.cast(pa.binary()).cast(pa.string())
    parts = [
        pc.utf8_slice_codeunits(texts, start, stop)
        for start, stop in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    ]
    joined = pc.binary_join_element_wise(*parts, "-")
    return pc.if_else(raw.is_null(), None, joined) if raw.null_count else joined


def _inet(raw: bytes) -> str:
    """PostgreSQL's inet and cidr: family, prefix bits, is-cidr, length, address."""
    bits, is_cidr, address = raw[1], raw[2], ipaddress.ip_address(raw[4:])
    return str(address) if not is_cidr and bits == address.max_prefixlen else f"{address}/{bits}"


def _bits(raw: bytes) -> str:
    (length,) = struct.unpack_from(">i", raw)
    return "".join(f"{byte:08b}" for byte in raw[4:])[:length]


def _timetz(raw: bytes) -> str:
    microseconds, west = struct.unpack(">qi", raw)
    seconds, fraction = divmod(microseconds, 1_000_000)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if fraction:
        clock += f".{fraction:06}".rstrip("0")
    hours, rest = divmod(abs(west), 3600)
    zone = f"{'-' if west > 0 else '+'}{hours:02}"
    if rest:
        zone += f":{rest // 60:02}" + (f":{rest % 60:02}" if rest % 60 else "")
    return clock + zone


def _lsn(raw: bytes) -> str:
    high, low = struct.unpack(">II", raw)
    return f"{high:X}/{low:X}"


def _mac(raw: bytes) -> str:
    return raw.hex(":")


_DECODERS: Final[dict[str, Callable[[bytes], str]]] = {
    "inet": _inet,
    "cidr": _inet,
    "bit": _bits,
    "varbit": _bits,
    "timetz": _timetz,
    "pg_lsn": _lsn,
    "macaddr": _mac,
    "macaddr8": _mac,
}
