"""Random files, written by Python: CSV, JSON and Parquet."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from . import compare
from .tables import Column, Kind, Make, Table, Written, digits, double, text, whole

_INTERVAL = pa.month_day_nano_interval()


def _of(*values: Any) -> Make:
    return lambda dice: Written(dice.choice(values))


def _rarely(make: Make, *others: Any) -> Make:
    """Values of one form, except one in a thousand of another, which changes the column's type."""
    return lambda dice: Written(dice.choice(others)) if dice.random() < 0.001 else make(dice)


def _clock(dice: random.Random) -> str:
    return f"{dice.randint(0, 23):02}:{dice.randint(0, 59):02}:{dice.randint(0, 59):02}"


def _day(dice: random.Random) -> str:
    return f"{dice.choice([1, 1582, 1970, 2026, 9999]):04}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"


def _big(dice: random.Random) -> Written:
    return Written(
        str(dice.choice([10**20, -(10**37), 12_345_678_901_234_567_890, dice.randint(0, 9)]))
    )


def _text(dice: random.Random) -> Written:
    return Written(text(dice, 4000).replace("\0", ""))


# --- CSV: a text may become any type, as long as it is the same value --------------------------

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\Z")


def csv_same(want: Any, found: Any) -> bool:
    """True if a value equals a text of the file."""
    if want is None or found is None:
        return want is found or (want == "" and found is None)
    if isinstance(found, str):
        return bool(want == found)
    if isinstance(found, bool):
        return str(want).lower() == str(found).lower()
    if isinstance(found, float):
        return float(want) == found
    if found == compare.NAN:
        return str(want).lower() == "nan"
    if isinstance(found, int | Decimal):
        plain = _NUMBER.match(want) and not re.match(r"[-+]?0\d", want) and want[0] != "+"
        return bool(plain) and Decimal(want) == found
    return moment_of(want) == found


def moment_of(text: str) -> Any:
    """The canonical form of a date or time in ISO 8601."""
    if "-" not in text[1:]:
        return compare.canon(dt.time.fromisoformat(text))
    if len(text) == 10:
        return compare.canon(dt.date.fromisoformat(text))
    seconds, point, rest = text.partition(".")
    part = re.match(r"\d*", rest)
    nanos = int((part[0] if part else "").ljust(9, "0")) if point else 0
    zone = rest[part.end() :] if part else ""
    found = compare.canon(dt.datetime.fromisoformat(seconds + zone))
    return compare.moment(found[1] + nanos)


def _csv(dice: random.Random) -> list[Kind]:
    after = dice.choice([0, 2, 10])
    decimals: Make = lambda dice: Written(digits(dice, 12, after))  # noqa: E731
    numbers: Make = lambda dice: Written(str(whole(64)(dice)))  # noqa: E731
    return [
        Kind(f"csv, {label}", "", make, same=csv_same)
        for label, make in (
            ("integers", numbers),
            ("integers, long", _big),
            ("decimals", decimals),
            ("integers, then a decimal", _rarely(numbers, "0.25", "1.5")),
            ("integers, then a text", _rarely(numbers, "n/a", "-", "007", "1_000", "+5", "0x1F")),
            ("decimals, then a float", _rarely(decimals, "1e5", "1E-7", "NaN")),
            ("decimals, then long ones", _rarely(decimals, "0." + "1" * 37, "9" * 38, "9" * 39)),
            ("floats", lambda dice: Written(repr(double(dice)))),
            ("texts", _text),
            ("leading zeros", lambda dice: Written(f"{dice.randint(0, 999):05}")),
            ("booleans", _of("true", "false")),
            ("booleans, then a text", _rarely(_of("true", "false"), "t", "True", "yes", "1")),
            ("dates", lambda dice: Written(_day(dice))),
            ("dates, then a timestamp", _rarely(lambda dice: Written(_day(dice)), "2026-01-31 10:00:00")),
            ("dates, then a text", _rarely(lambda dice: Written(_day(dice)), "2026-02-30", "n/a")),
            ("timestamps", lambda dice: Written(f"{_day(dice)} {_clock(dice)}{dice.choice(['', '.5', '.000001'])}")),
            ("timestamps, nanoseconds", lambda dice: Written(f"2026-01-31T{_clock(dice)}.{dice.randint(0, 10**9 - 1):09}")),
            ("timestamps, zone", lambda dice: Written(f"{_day(dice)[:0]}2026-01-31 {_clock(dice)}{dice.choice(['Z', '+02:00'])}")),
            ("times", lambda dice: Written(_clock(dice))),
        )
    ]  # fmt: skip


def _csv_field(value: Written | None) -> str:
    if value is None:
        return ""
    shown = str(value.value)
    if shown == "" or any(c in shown for c in ',"\n\r;|\t') or shown != shown.strip():
        return '"' + shown.replace('"', '""') + '"'
    return shown


# --- JSON --------------------------------------------------------------------------------------


class Raw(str):
    """The text of a number in the file."""


def _dump(value: Any) -> str:
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {_dump(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_dump, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def json_same(want: Any, found: Any) -> bool:
    """True if a value equals the file's: with its own type, or as JSON."""
    if want is None:
        return found is None or found == "null"
    if isinstance(want, Raw):
        if isinstance(found, float):
            return float(want) == found
        if isinstance(found, str):
            return bool(_NUMBER.match(found)) and Decimal(want) == Decimal(found)
        return isinstance(found, int | Decimal) and Decimal(want) == found
    if isinstance(want, bool):
        return found is want or found == json.dumps(want)
    if isinstance(want, str):
        if isinstance(found, tuple):
            return bool(moment_of(want) == found)
        return found == want or (
            isinstance(found, str) and found[:1] == '"' and json.loads(found) == want
        )
    if isinstance(found, str):
        plain = json.loads(found, parse_int=Raw, parse_float=Raw, parse_constant=Raw)
        return (
            json_same(want, plain)
            if not isinstance(plain, str) or isinstance(plain, Raw)
            else False
        )
    if isinstance(want, list):
        return (
            isinstance(found, list) and len(want) == len(found) and all(map(json_same, want, found))
        )
    if isinstance(found, list):  # a map
        found = dict(found)
    return (
        isinstance(found, dict)
        and all(json_same(value, found.get(key)) for key, value in want.items())
        and all(value is None or key in want for key, value in found.items())
    )  # fmt: skip


def _json(dice: random.Random) -> list[Kind]:
    number: Make = lambda dice: Written(Raw(whole(64)(dice)))  # noqa: E731
    decimal: Make = lambda dice: Written(Raw(digits(dice, 20, 4)))  # noqa: E731
    words: Make = lambda dice: Written(text(dice, 400).replace("\0", ""))  # noqa: E731

    def listed(make: Make) -> Make:
        return lambda dice: Written(
            [None if dice.random() < 0.2 else make(dice).value for _ in range(dice.randint(0, 3))]
        )

    def keyed(**parts: Make) -> Make:
        return lambda dice: Written(
            {name: make(dice).value for name, make in parts.items() if dice.random() < 0.8}
        )

    return [
        Kind(f"json, {label}", "", make, same=json_same)
        for label, make in (
            ("integers", number),
            ("integers, long", lambda dice: Written(Raw(_big(dice).value))),
            ("decimals", decimal),
            ("integers, then a decimal", _rarely(number, Raw("0.25"))),
            ("integers, then a text", _rarely(number, "n/a", "5")),
            ("decimals, then a float", _rarely(decimal, Raw("1e5"), Raw("1e-7"))),
            ("floats", lambda dice: Written(Raw(repr(double(dice))))),
            ("texts", words),
            ("texts like numbers", _of("007", "1.50", "12345678901234567890")),
            ("booleans", _of(True, False)),
            ("booleans, then a number", _rarely(_of(True, False), Raw("1"))),
            ("dates", lambda dice: Written(_day(dice))),
            ("dates, then a text", _rarely(lambda dice: Written(_day(dice)), "n/a")),
            ("lists", listed(number)),
            ("lists of texts", listed(words)),
            ("objects", keyed(a=number, b=words)),
            ("objects, then a key", _rarely(keyed(a=number), {"a": Raw("1"), "late": Raw("0.5")})),
            ("objects in lists", listed(keyed(a=number, b=decimal))),
            ("objects, deep", keyed(a=keyed(b=listed(keyed(c=decimal))))),
            ("a mixture", lambda dice: dice.choice([number, words, listed(number), keyed(a=number)])(dice)),
        )
    ]  # fmt: skip


# --- Parquet -----------------------------------------------------------------------------------


def _moment(dice: random.Random) -> dt.datetime:
    micros = dice.randrange(3_652_058 * 86_400 * 10**6)
    return dt.datetime(1, 1, 1) + dt.timedelta(microseconds=micros)


def _parquet(dice: random.Random) -> list[Kind]:
    precision = dice.choice([1, 9, 18, 38])
    scale = dice.randint(0, precision)

    def number(bits: int, *, signed: bool = True) -> Make:
        made = whole(bits, signed=signed)
        return lambda dice: Written(made(dice))

    def decimal(dice: random.Random) -> Written:
        return Written(Decimal(digits(dice, precision - scale, scale)))

    def listed(make: Make) -> Make:
        return lambda dice: Written(
            [None if dice.random() < 0.2 else make(dice).value for _ in range(dice.randint(0, 3))]
        )

    def pair(dice: random.Random) -> Written:
        return Written({"a": dice.choice([None, 2**53 + 1]), "b": dice.choice([None, "x"])})

    struct = pa.struct([("a", pa.int64()), ("b", pa.string())])
    stamps: list[tuple[str, pa.DataType, Make]] = [
        ("timestamp", pa.timestamp("us"), lambda dice: Written(_moment(dice))),
        ("timestamp, zone", pa.timestamp("us", "UTC"), lambda dice: Written(_moment(dice).replace(tzinfo=dt.UTC))),
        ("timestamp, Vienna", pa.timestamp("us", "Europe/Vienna"), lambda dice: Written(dt.datetime(2026, 7, 1, 12, 0, 0, 1, tzinfo=dt.UTC))),
        ("timestamp, milliseconds", pa.timestamp("ms"), lambda dice: Written(_moment(dice).replace(microsecond=5000))),
    ]  # fmt: skip
    kinds: list[tuple[str, pa.DataType, Make]] = [
        *((f"int{bits}", getattr(pa, f"int{bits}")(), number(bits)) for bits in (8, 16, 32, 64)),
        *((f"uint{bits}", getattr(pa, f"uint{bits}")(), number(bits, signed=False)) for bits in (8, 16, 32, 64)),
        ("bool", pa.bool_(), _of(True, False)),
        ("double", pa.float64(), lambda dice: Written(double(dice))),
        ("float", pa.float32(), _of(0.5, -1.25, 16777216.0)),
        ("string", pa.string(), _text),
        ("large string", pa.large_string(), _text),
        ("dictionary", pa.dictionary(pa.int32(), pa.string()), _of("a", "b", "ü")),
        ("binary", pa.binary(), lambda dice: Written(dice.randbytes(dice.randint(0, 9)))),
        ("fixed binary", pa.binary(3), lambda dice: Written(dice.randbytes(3))),
        ("decimal", pa.decimal128(precision, scale), decimal),
        ("date", pa.date32(), lambda dice: Written(_moment(dice).date())),
        ("time", pa.time64("us"), lambda dice: Written(_moment(dice).time())),
        *stamps,
        ("list", pa.list_(pa.int64()), listed(number(64))),
        ("list of decimals", pa.list_(pa.decimal128(precision, scale)), listed(decimal)),
        ("struct", struct, pair),
        ("list of structs", pa.list_(struct), listed(pair)),
        ("map", pa.map_(pa.string(), pa.int64()), lambda dice: Written([("k", 2**53 + 1), ("l", None)])),
    ]  # fmt: skip
    return [
        Kind(f"parquet, {label}", str(kind), make, seen=_pairs, arrow=kind)
        for label, kind, make in kinds
    ]


def _pairs(value: Any) -> Any:
    return (
        [list(each) if isinstance(each, tuple) else each for each in value]
        if isinstance(value, list)
        else value
    )


_FORMS: dict[str, Callable[[random.Random], list[Kind]]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
}


class Files:
    """Files of one form, in the connection ``files``."""

    def __init__(self, form: str, folder: Path) -> None:
        self.label = form
        self._folder = folder

    def kind(self, dice: random.Random) -> Kind:
        return dice.choice(_FORMS[self.label](dice))

    def write(self, name: str, columns: list[Column]) -> Table:
        count = len(columns[0].values)
        for each in columns:
            made = (lambda value: value) if each.kind.same else compare.canon
            each.want = [None if value is None else made(value.value) for value in each.values]
            if each.kind.seen is not None:
                each.want = [each.kind.seen(value) for value in each.want]
        if self.label == "parquet":
            arrays = [
                pa.array([value and value.value for value in each.values], each.kind.arrow)
                for each in columns
            ]
            names = ["id", *(each.name for each in columns)]
            ids = pa.array(range(count), pa.int32())
            pq.write_table(pa.table([ids, *arrays], names=names), self._folder / f"{name}.parquet")
        elif self.label == "json":
            # A null is written in every other row, and its key left out in the others.
            lines = (
                {"id": i}
                | {
                    each.name: value and value.value
                    for each in columns
                    if (value := each.values[i]) is not None or i % 2 == 0
                }
                for i in range(count)
            )
            (self._folder / f"{name}.jsonl").write_text("\n".join(map(_dump, lines)) + "\n")
        else:
            rows = [",".join(["id", *(each.name for each in columns)])]
            rows += (
                ",".join([str(i), *(_csv_field(each.values[i]) for each in columns)])
                for i in range(count)
            )
            (self._folder / f"{name}.csv").write_text("\n".join(rows) + "\n", newline="")
        return Table(
            "files",
            name,
            columns,
            lambda names: f"select {', '.join(names)} from {name} order by id",
            self.label,
        )

    def drop(self, name: str) -> None:
        """Removes a file if it exists."""
        for path in self._folder.glob(f"{name}.*"):
            path.unlink()

    def close(self) -> None:
        pass
