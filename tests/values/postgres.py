"""Random tables in PostgreSQL, written and read back by psycopg."""

from __future__ import annotations

import random
import struct
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.composite import CompositeInfo, register_composite

from . import compare
from .tables import Column, Kind, Make, Table, Written, digits, double, size, text, whole

_DAYS = 10_957  # from 1970 to 2000, PostgreSQL's epoch
_MICROSECONDS = _DAYS * 86_400 * 10**6
_INFINITE = 2**63 - 1, -(2**63), 2**31 - 1, -(2**31)
_NANO = 2**63 // 1000
# The text that PostgreSQL prints; for some types a cast to text differs.
_AS_TEXT = "case when {0} is not null then format('%s', {0}) end"
_TEXTS = ("jsonb", "json", "xml", "uuid", "inet", "macaddr", "bit", "varbit", "timetz", "pg_lsn")


class _Binary(Loader):
    """psycopg's own Python objects lack years past 9999, months of intervals and 24:00."""

    format = Format.BINARY
    unpack = staticmethod(struct.Struct("!q").unpack)

    def load(self, data: Any) -> Any:
        (number,) = self.unpack(bytes(data))
        return "infinite" if number in _INFINITE else self.made(number)

    def made(self, number: int) -> Any:
        raise NotImplementedError


class _Date(_Binary):
    unpack = staticmethod(struct.Struct("!i").unpack)

    def made(self, number: int) -> Any:
        return compare.day(number + _DAYS)


class _Moment(_Binary):
    def made(self, number: int) -> Any:
        return compare.moment((number + _MICROSECONDS) * 1000)


class _Time(_Binary):
    def made(self, number: int) -> Any:
        return compare.clock(number * 1000)


class _Interval(Loader):
    format = Format.BINARY

    def load(self, data: Any) -> Any:
        microseconds, days, months = struct.unpack("!qii", bytes(data))
        return compare.interval(months, days, microseconds * 1000)


def _number(make: Callable[[random.Random], int]) -> Make:
    return lambda dice: Written(str(make(dice)))


def _decimal(before: int, after: int, odd: Sequence[str] = ("NaN",)) -> Make:
    def make(dice: random.Random) -> Written:
        if odd and dice.random() < 0.03:
            return Written(dice.choice(odd), odd=True)
        shown = digits(dice, before, after)
        # More than 76 digits fit nowhere; other numbers must arrive, alone or with their neighbours.
        return Written(shown, odd=size(shown) > 30 or before + after > 60)

    return make


def _of(*values: str, odd: Sequence[str] = ()) -> Make:
    return lambda dice: (
        Written(dice.choice(odd), odd=True)
        if odd and dice.random() < 0.1
        else Written(dice.choice(values))
    )


def _date(dice: random.Random) -> Written:
    year = dice.choice([1, 4, 1582, 1900, 1970, 2000, 2026, 9999, 12_024, 290_000])
    era = dice.choice(["", "", "", " BC"]) if year < 4000 else ""
    return Written(f"{year:04}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}{era}")


def _timestamp(zone: str) -> Make:
    def make(dice: random.Random) -> Written:
        if dice.random() < 0.03:
            return Written(dice.choice(["infinity", "-infinity"]), odd=True)
        day, _, era = _date(dice).value.partition(" ")
        micros = dice.choice(["", ".5", ".999999", ".000001"])
        return Written(f"{day} {_clock(dice)}{micros}{zone} {era}")

    return make


def _clock(dice: random.Random) -> str:
    return f"{dice.randint(0, 23):02}:{dice.randint(0, 59):02}:{dice.randint(0, 59):02}"


def _interval(dice: random.Random) -> Written:
    micros = dice.choice([0, 1, -1, 4_500 * 10**6, dice.randint(-_NANO, _NANO), 2**62])
    months, days = (dice.choice([0, 1, 14, -25, 2**31 - 1, -(2**31)]) for _ in range(2))
    return Written(f"{months} mons {days} days {micros} microseconds", odd=abs(micros) >= _NANO)


def _array(make: Make, *, nested: bool = False) -> Make:
    def item(dice: random.Random) -> str:
        if dice.random() < 0.2:
            return "NULL"
        value = make(dice)
        while value.odd:
            value = make(dice)
        return '"' + value.value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def flat(dice: random.Random, count: int) -> str:
        return "{" + ",".join(item(dice) for _ in range(count)) + "}"

    def made(dice: random.Random) -> Written:
        if nested and dice.random() < 0.3:
            count = dice.randint(1, 3)
            rows = [flat(dice, count) for _ in range(dice.randint(1, 3))]
            return Written("{" + ",".join(rows) + "}", odd=True)
        return Written(flat(dice, dice.randint(0, 3)))

    return made


def _row(*parts: Make) -> Make:
    def made(dice: random.Random) -> Written:
        shown, odd = [], False
        for part in parts:
            value = None if dice.random() < 0.3 else part(dice)
            while value is not None and value.odd:
                value = part(dice)
            quoted = "" if value is None else value.value.replace("\\", "\\\\").replace('"', '""')
            shown.append("" if value is None else f'"{quoted}"')
        return Written(f"({','.join(shown)})", odd=odd)

    return made


def _text(most: int = 10_000) -> Make:
    return lambda dice: Written(text(dice, most).replace("\0", ""))


_UUID: Make = lambda dice: Written(str(uuid.UUID(int=dice.getrandbits(128))))  # noqa: E731
_BYTES: Make = lambda dice: Written("\\x" + dice.randbytes(dice.randint(0, 9)).hex())  # noqa: E731
_BIG = _number(whole(64))
_JSON = _of(
    '{"a": [1, 2.50, null], "ü": "\\u0041"}', "[]", "null", "1e400", '"x"', "12345678901234567890"
)
_MONEY_ROW = _row(_decimal(8, 2), _of("EUR", "", 'a"b', "(,)"))


def _kinds(dice: random.Random) -> list[Kind]:
    precision = dice.choice([1, 5, 18, 37, 38, 39, 60, 76])
    scale = dice.randint(0, precision)
    return [
        Kind("smallint", "smallint", _number(whole(16))),
        Kind("integer", "integer", _number(whole(32))),
        Kind("bigint", "bigint", _BIG),
        Kind("boolean", "boolean", _of("true", "false")),
        Kind("real", "real", _of("0.1", "1e-45", "3.4028235e38", "NaN", "-Infinity", "16777217")),
        Kind("double", "double precision", lambda dice: Written(repr(double(dice)))),
        Kind("numeric", "numeric", _decimal(20, 10, ["NaN", "Infinity", "-Infinity"])),
        Kind("numeric, long", "numeric", _decimal(60, 20)),
        Kind("numeric, declared", f"numeric({precision}, {scale})", _decimal(precision - scale, scale)),
        Kind("numeric, thousands", "numeric(5, -3)", _decimal(7, 0)),
        Kind("money", "money", _of("0.01", "-92233720368547758.08", "12.5"), "{}::numeric"),
        Kind("text", "text", _text()),
        Kind("varchar", "varchar(12)", _text(12)),
        Kind("char", "char(12)", _text(12)),
        Kind("citext", "citext", _text(), _AS_TEXT),
        Kind("domain", "v_label", _text(), _AS_TEXT),
        Kind("enum", "v_mood", _of("happy", "so la la", "ü"), _AS_TEXT),
        Kind("json", "json", _JSON, _AS_TEXT),
        Kind("jsonb", "jsonb", _JSON, _AS_TEXT),
        Kind("xml", "xml", _of("<a>1</a>", "x"), _AS_TEXT),
        Kind("uuid", "uuid", _UUID, _AS_TEXT),
        Kind("bytea", "bytea", _BYTES),
        Kind("date", "date", lambda dice: Written("infinity", odd=True) if dice.random() < 0.03 else _date(dice)),
        Kind("timestamp", "timestamp", _timestamp("")),
        Kind("timestamptz", "timestamptz", _timestamp("+05:30")),
        Kind("time", "time", lambda dice: Written("24:00", odd=True) if dice.random() < 0.03 else Written(_clock(dice) + ".000001")),
        Kind("timetz", "timetz", lambda dice: Written(_clock(dice) + "+05:30"), _AS_TEXT),
        Kind("interval", "interval", _interval),
        Kind("inet", "inet", _of("10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32"), _AS_TEXT),
        Kind("macaddr", "macaddr", _of("08:00:2b:01:02:03"), _AS_TEXT),
        Kind("bit", "bit(5)", _of("10101", "00000"), _AS_TEXT),
        Kind("varbit", "varbit", _of("1", "", "1" * 70), _AS_TEXT),
        Kind("oid", "oid", _number(whole(32, signed=False))),
        Kind("pg_lsn", "pg_lsn", _of("16/B374D848", "0/0"), _AS_TEXT),
        Kind("bigint[]", "bigint[]", _array(_BIG, nested=True)),
        Kind("text[]", "text[]", _array(_text(12), nested=True)),
        Kind("numeric[]", "numeric[]", _array(_decimal(12, 4)), seen=_numbers),
        Kind("boolean[]", "boolean[]", _array(_of("t", "f"))),
        Kind("uuid[]", "uuid[]", _array(_UUID), "{}::text[]"),
        Kind("date[]", "date[]", _array(_of("2026-01-31", "0001-01-01", "9999-12-31"))),
        Kind("timestamptz[]", "timestamptz[]", _array(_of("2026-01-31 12:00:00.5+02"))),
        Kind("interval[]", "interval[]", _array(_of("1 mon -3 days 00:00:01.5"))),
        Kind("composite", "v_pair", _row(_decimal(8, 2), _text(12)), seen=_numbers),
        Kind("composite, deep", "v_deep", _row(_BIG, _MONEY_ROW, _array(_BIG)), seen=_numbers),
        Kind("composite[]", "v_pair[]", _array(_MONEY_ROW), seen=_numbers),
    ]  # fmt: skip


def _numbers(value: Any) -> Any:
    """Converts numbers in arrays and composites, which arrive as text, as documented."""
    if isinstance(value, dict):
        return {k: _decimal_of(v) if k == "amount" else _numbers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_numbers(v) if isinstance(v, dict) else _decimal_of(v) for v in value]
    return value


def _decimal_of(value: Any) -> Any:
    return Decimal(value) if isinstance(value, str) else value


class Postgres:
    """The source ``pg``."""

    label = "pg"

    def __init__(self, url: str) -> None:
        self._own = psycopg.connect(url, autocommit=True, cursor_factory=psycopg.Cursor)
        if self.rows("select 1 where to_regtype('v_mood') is null"):
            self._own.execute(
                "create extension if not exists citext;"
                "create type v_pair as (amount numeric(10,2), unit text);"
                "create type v_deep as (n bigint, p v_pair, l bigint[]);"
                "create domain v_label as citext;"
                "create type v_mood as enum ('happy', 'so la la', 'ü')"
            )
        for name, loader in (
            ("date", _Date),
            ("timestamp", _Moment),
            ("timestamptz", _Moment),
            ("time", _Time),
            ("interval", _Interval),
        ):
            self._own.adapters.register_loader(name, loader)
        for name in ("v_pair", "v_deep"):
            info = CompositeInfo.fetch(self._own, name)
            assert info is not None
            register_composite(info, self._own)

    def kind(self, dice: random.Random) -> Kind:
        return dice.choice(_kinds(dice))

    def write(self, name: str, columns: list[Column]) -> Table:
        types = ", ".join(f"{each.name} {each.kind.type}" for each in columns)
        self._own.execute(f"create table {name} (id int, {types})")
        places = ", ".join(f"%s::text::{each.kind.type}" for each in columns)
        count = len(columns[0].values)
        rows = [
            (i, *(None if each.values[i] is None else each.values[i].value for each in columns))
            for i in range(count)
        ]
        with self._own.cursor() as cursor:
            cursor.executemany(f"insert into {name} values (%s, {places})", rows)
        self.read(name, columns, "id")
        return Table(
            self.label,
            name,
            columns,
            lambda names: f"select {', '.join(names)} from {name} order by id",
            self.label,
        )

    def read(self, name: str, columns: list[Column], order: str) -> None:
        """Reads the expected values of a table with psycopg."""
        asked = ", ".join(each.kind.native.format(each.name) for each in columns)
        rows = self.rows(f"select {asked} from {name} order by {order}")
        for each, values in zip(columns, zip(*rows, strict=True), strict=True):
            each.want = [compare.canon(value) for value in values]

    def columns(self, name: str, columns: list[Column]) -> list[list[Any]]:
        """The columns of a copy, with the types that it has there."""
        types = dict(
            self.rows(
                "select column_name::text, udt_name::text from information_schema.columns "
                f"where table_name = '{name}'"
            )
        )
        asked = [_AS_TEXT.format(e.name) if types[e.name] in _TEXTS else e.name for e in columns]
        rows = self.rows(f"select {', '.join(asked)} from {name} order by id")
        return [[compare.canon(value) for value in each] for each in zip(*rows, strict=True)]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a statement, read with psycopg."""
        return self._own.execute(sql.encode(), binary=True).fetchall()

    def drop(self, name: str) -> None:
        """Drops a table if it exists."""
        self._own.execute(f"drop table if exists {name}")

    def close(self) -> None:
        self._own.close()
