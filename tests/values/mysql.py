"""Random tables in MariaDB, written and read back by PyMySQL."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pymysql

from . import compare
from .tables import Column, Kind, Make, Table, Written, digits, double, size, text, whole


def _number(make: Callable[[random.Random], int]) -> Make:
    return lambda dice: Written(make(dice))


def _decimal(before: int, after: int) -> Make:
    def make(dice: random.Random) -> Written:
        shown = digits(dice, before, after)
        return Written(shown, odd=size(shown) > 30 or before + after > 60)

    return make


def _of(*values: Any) -> Make:
    return lambda dice: Written(dice.choice(values))


def _date(dice: random.Random) -> Written:
    if dice.random() < 0.05:
        return Written(dice.choice(["0000-00-00", "2026-00-00", "2026-01-00"]), odd=True)
    year = dice.choice([1, 999, 1000, 1582, 1970, 2026, 9999])
    return Written(f"{year:04}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}")


def _clock(dice: random.Random) -> str:
    return f"{dice.randint(0, 23):02}:{dice.randint(0, 59):02}:{dice.randint(0, 59):02}"


def _datetime(dice: random.Random) -> Written:
    day = _date(dice)
    micros = dice.choice(["", ".500000", ".999999", ".000001"])
    return Written(f"{day.value} {_clock(dice)}{micros}", day.odd)


def _timestamp(dice: random.Random) -> Written:
    day = f"{dice.randint(1971, 2037)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"
    return Written(f"{day} {_clock(dice)}{dice.choice(['', '.000001'])}")


def _time(dice: random.Random) -> Written:
    hours = dice.choice([0, 23, 24, 838])
    micros = dice.choice(["", ".5", ".000001"]) if hours < 838 else ""
    return Written(
        f"{dice.choice(['', '-'])}{hours}:{dice.randint(0, 59)}:{dice.randint(0, 58)}{micros}"
    )


def _text(most: int = 4000) -> Make:
    return lambda dice: Written(text(dice, most))


def _kinds(dice: random.Random) -> list[Kind]:
    precision = dice.choice([1, 5, 18, 37, 38, 39, 60, 65])
    scale = min(30, dice.randint(max(0, precision - 40), precision))
    bits = dice.choice([1, 7, 8, 63, 64])
    return [
        Kind("boolean", "boolean", _of(0, 1)),
        Kind("tinyint", "tinyint", _number(whole(8))),
        Kind("tinyint unsigned", "tinyint unsigned", _number(whole(8, signed=False))),
        Kind("smallint", "smallint", _number(whole(16))),
        Kind("mediumint", "mediumint", _number(whole(24))),
        Kind("mediumint unsigned", "mediumint unsigned", _number(whole(24, signed=False))),
        Kind("int", "int", _number(whole(32))),
        Kind("int unsigned", "int unsigned", _number(whole(32, signed=False))),
        Kind("bigint", "bigint", _number(whole(64))),
        Kind("bigint unsigned", "bigint unsigned", _number(whole(64, signed=False))),
        Kind("zerofill", "int(8) zerofill", _number(whole(20, signed=False))),
        # As text, a float has six digits; as a double, all of them.
        Kind("float", "float", _of(0.1, 16777217, -3.4e38, 1e-38, 0.0), "{} + 0e0"),
        Kind("double", "double", lambda dice: Written(double(dice))),
        Kind("decimal", f"decimal({precision}, {scale})", _decimal(precision - scale, scale)),
        Kind("char", "char(12)", _text(12)),
        Kind("varchar", "varchar(12)", _text(12)),
        Kind("text", "text", _text()),
        Kind("longtext", "longtext", _text()),
        Kind("latin1", "varchar(9) character set latin1", _of("é", "ÿ", "", "a'b\\")),
        Kind("enum", "enum('a', 'b c', 'ü')", _of("a", "b c", "ü")),
        Kind("set", "set('a', 'b', 'ü')", _of("a", "", "a,ü")),
        Kind("json", "json", _of('{"a": [1, 2.50, null]}', "[]", "null", "12345678901234567890")),
        Kind("binary", "binary(3)", lambda dice: Written(dice.randbytes(3))),
        Kind("varbinary", "varbinary(9)", lambda dice: Written(dice.randbytes(dice.randint(0, 9)))),
        Kind("blob", "blob", lambda dice: Written(dice.randbytes(dice.randint(0, 99)))),
        Kind("bit", f"bit({bits})", _number(whole(bits, signed=False)), "{} + 0"),
        Kind("year", "year", _of(1901, 2026, 2155, 0)),
        Kind("date", "date", _date),
        Kind("datetime", "datetime(6)", _datetime),
        Kind("datetime, whole", "datetime", lambda dice: Written("2026-01-31 12:00:00")),
        Kind("timestamp", "timestamp(6) null", _timestamp),
        Kind("time", "time(6)", _time),
    ]  # fmt: skip


class MySQL:
    """The source ``my``."""

    label = "my"

    def __init__(self, own: pymysql.Connection) -> None:
        self._own = own
        with own.cursor() as cursor:
            # Accepts invalid dates; refuses texts that the server would truncate.
            cursor.execute("set sql_mode = 'STRICT_ALL_TABLES', time_zone = '+00:00'")

    def kind(self, dice: random.Random) -> Kind:
        return dice.choice(_kinds(dice))

    def write(self, name: str, columns: list[Column]) -> Table:
        types = ", ".join(f"{each.name} {each.kind.type}" for each in columns)
        made = f"create table {name} (id int, {types}) character set utf8mb4"
        places = ", ".join(["%s"] * (len(columns) + 1))
        rows = [
            (i, *(None if each.values[i] is None else each.values[i].value for each in columns))
            for i in range(len(columns[0].values))
        ]
        with self._own.cursor() as cursor:
            cursor.execute(made)
            cursor.executemany(f"insert into {name} values ({places})", rows)
        self.read(name, columns, "id")
        return Table(
            self.label,
            name,
            columns,
            lambda names: f"select {', '.join(names)} from {name} order by id",
            self.label,
        )

    def read(self, name: str, columns: list[Column], order: str) -> None:
        """Reads the expected values of a table with PyMySQL."""
        asked = ", ".join(each.kind.native.format(each.name) for each in columns)
        rows = self.rows(f"select {asked} from {name} order by {order}")
        for each, values in zip(columns, zip(*rows, strict=True), strict=True):
            each.want = [compare.canon(value) for value in values]

    def columns(self, name: str, columns: list[Column]) -> list[list[Any]]:
        """The columns of a copy, with the types that it has there."""
        types = {name: kind for name, kind, *_ in self.rows(f"show columns from {name}")}
        # As text, a float has six digits.
        asked = [f"{e.name} + 0e0" if types[e.name] == "float" else e.name for e in columns]
        rows = self.rows(f"select {', '.join(asked)} from {name} order by id")
        return [[compare.canon(value) for value in each] for each in zip(*rows, strict=True)]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a statement, read with PyMySQL."""
        with self._own.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def drop(self, name: str) -> None:
        """Drops a table if it exists."""
        with self._own.cursor() as cursor:
            cursor.execute(f"drop table if exists {name}")

    def close(self) -> None:
        self._own.close()
