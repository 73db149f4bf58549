"""Random values read through DuckDB: each arrives unchanged, or as an error that names its column.

``WB_TEST_SEED`` repeats a run, ``WB_TEST_ROUNDS`` makes it longer.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
import os
import random
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from support.source import Source

from wb_server.connectors.base import Target
from wb_server.connectors.duckdb.connector import DuckdbFileConfig, DuckdbFileConnector
from wb_server.connectors.embedded.workers import Workers
from wb_server.connectors.files.connector import FilesConfig, FilesConnector
from wb_server.kit.errors import InvalidInput

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("WB_TEST_SEED", random.randrange(10**6)))
ROUNDS = int(os.environ.get("WB_TEST_ROUNDS", "2"))
# Beyond the rows that DuckDB's own readers sample.
LATE = 20_600

Make = Callable[[random.Random], str]


@pytest.fixture(autouse=True)
def _print_seed() -> None:
    print(f"WB_TEST_SEED={SEED} WB_TEST_ROUNDS={ROUNDS}")  # pytest shows it when a test fails


def of_files(folder: Path, workers: Workers) -> Source:
    connector = FilesConnector([folder], workers)
    return Source(connector, Target("c1", 1, FilesConfig(folder=str(folder))))


# --- CSV and JSON: against Python's own readers ----------------------------------------------


def digits(rng: random.Random, most: int) -> str:
    return str(rng.randrange(10 ** rng.randint(1, most)))


def day(rng: random.Random) -> dt.date:
    return dt.date.fromordinal(rng.randrange(400_000, 900_000))


def moment(rng: random.Random) -> str:
    sign, parts = rng.choice(" T"), rng.choice(["", ".5", ".123456"])
    return f"{day(rng)}{sign}{rng.randrange(24):02d}:{rng.randrange(60):02d}:07{parts}"


PLAIN: list[Make] = [
    lambda rng: digits(rng, 5),
    lambda rng: "-" + digits(rng, 18),
    lambda rng: digits(rng, 25),
    lambda rng: f"{digits(rng, 6)}.{rng.randrange(100):02d}",
    lambda rng: f"{digits(rng, 12)}.{digits(rng, 12)}",
    lambda rng: str(day(rng)),
    lambda rng: day(rng).strftime(rng.choice(["%d/%m/%Y", "%d.%m.%Y"])),
    lambda rng: day(rng).strftime("%m-%d-%Y"),
    moment,
    lambda rng: f"{moment(rng)}{rng.choice(['Z', '+02', '-03:30'])}",
    lambda rng: f"{rng.randrange(24):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}",
    lambda rng: rng.choice(["true", "false"]),
    lambda rng: repr(rng.uniform(-1, 1) * 10 ** rng.randint(-30, 30)),
    lambda rng: rng.choice(["a", "ä b", 'say "x"', "l1\nl2", "x,y", " padded ", "#no comment"]),
]
ODD = [
    "", "007", "+5", "1e5", "1E-400", "NaN", "inf", "1,5", "1_000", "0x1F", "t", "yes", "None", "-0",
    "-0.00", ".5", "5.", " 5", "5 ", "  ", "9" * 19, "9" * 38, "9" * 39, "0." + "1" * 38, "0." + "1" * 39,
    "1.10", "2026-02-30", "0000-01-01", "infinity", "24:00:00", "12:00", "2026-01-01",
    "2026-01-01 24:00:00", "2026-01-01 10:00:00.123456789", "2026-01-01 10:00:00+02", "01/02/2026",
    "31/12/2026", "12/31/2026", "true", "True", "TRUE", "1e308", "1.7976931348623157e308",
    "0.1000000000000000055511151231257827", "9007199254740993", "9007199254740993.0", "2e1",
]  # fmt: skip


def is_same(found: Any, text: str) -> bool:
    """True if a value is exactly what the text says."""
    plain = text.strip(" ")
    if found is None:
        return plain == ""
    if isinstance(found, str):
        return found == text
    if isinstance(found, bool):
        return plain.lower() == str(found).lower() and plain in {
            *("true", "false", "True", "False", "TRUE", "FALSE")
        }
    if isinstance(found, float):
        if not math.isfinite(found):
            return (
                plain.lower().rstrip("inty").replace("f", "") in str(found)
                and not plain[-1:].isdigit()
            )
        return Decimal(repr(found)) == Decimal(plain)
    if isinstance(found, int | Decimal):
        return re.fullmatch(r"-?([1-9]\d*|0)?(\.\d+)?", plain) is not None and found == Decimal(
            plain
        )
    if isinstance(found, dt.datetime):
        value = dt.datetime.fromisoformat(plain)
        return (value.tzinfo is None) == (found.tzinfo is None) and found == value
    if isinstance(found, dt.date):
        forms = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%m/%d/%Y", "%d-%m-%Y")
        return any(found == parsed for form in forms if (parsed := parse_day(plain, form)))
    if isinstance(found, dt.time):
        return found == dt.time.fromisoformat(plain)
    return False


def parse_day(text: str, form: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(text, form).date()
    except ValueError:
        return None


def make_column(rng: random.Random, rows: int) -> list[str]:
    make = rng.choice(PLAIN)
    column = [make(rng) for _ in range(rows)]
    for _ in range(rng.choice([0, 0, 1, 1, 3])):
        # An odd value, mostly where a sample misses it.
        index = (
            rows - 1 - rng.randrange(min(rows, 50)) if rng.random() < 0.8 else rng.randrange(rows)
        )
        column[index] = rng.choice(ODD)
    return column


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_csv_values_arrive_unchanged(tmp_path: Path, workers: Workers, round_: int) -> None:
    rng = random.Random(SEED + round_)
    tables = {}
    for name, rows in (("small", rng.randint(1, 60)), ("large", LATE + rng.randint(1, 400))):
        columns = [make_column(rng, rows) for _ in range(7)]
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n", delimiter=rng.choice(",;\t"),
                                quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))  # fmt: skip
            writer.writerow(["id", *(f"c{index}" for index in range(len(columns)))])
            writer.writerows(zip(range(rows), *columns, strict=True))
        tables[name] = columns
    source = of_files(tmp_path, workers)
    compared = 0
    for name, columns in tables.items():
        table = source.table(f"select * from {name} order by id", name)
        assert table.num_rows == len(columns[0])
        for index, texts in enumerate(columns, 1):
            found = table.column(index)
            if str(found.type) == "timestamp[ns]":
                texts = [text.replace("T", " ").ljust(19) for text in texts]
                found = found.cast("string")
                values = [value and re.sub(r"\.?0+$", "", value) for value in found.to_pylist()]
                wanted = [re.sub(r"(\.\d*?)0*$", r"\1", text).rstrip(". ") for text in texts]
                assert [v for v in values if v] == [
                    re.sub(r"\.?0+$", "", w) for w in wanted if w.strip()
                ]
                continue
            for value, text in zip(found.to_pylist(), texts, strict=True):
                assert is_same(value, text), (name, index, found.type, value, text)
                compared += 1
    assert compared > 1000


JSON_MAKE: list[Make] = [
    lambda rng: digits(rng, 5),
    lambda rng: "-" + digits(rng, 18),
    lambda rng: digits(rng, 25),
    lambda rng: f"{digits(rng, 6)}.{rng.randrange(1, 100):02d}",
    lambda rng: f"{digits(rng, 12)}.{digits(rng, 12)}",
    lambda rng: repr(rng.uniform(-1, 1)),
    lambda rng: json.dumps(str(day(rng))),
    lambda rng: json.dumps(moment(rng)),
    lambda rng: json.dumps(rng.choice(['say "0.12345678901234567"', "a\\", "ä\n", "", "007", "1.5"])),
    lambda rng: rng.choice(["true", "false", "null"]),
    lambda rng: f'{{"p": {digits(rng, 3)}.{rng.randrange(1, 99):02d}, "q": "x"}}',
    lambda rng: f"[{digits(rng, 3)}, {digits(rng, 3)}.5]",
]  # fmt: skip
JSON_ODD = [
    "null", "19.99", "0.12345678901234567890", "12345678901234567890", "10000000000000000.01", "1e5",
    "1e400", "-1E-5", '"text"', '"2026-01-31"', "true", "{}", "[]", '{"p": 0.5}', '{"r": [1, {"s": 2.25}]}',
    '[[1], "x"]', "[0.125]", '{"p": "x"}', '"\\u00e9\\"7"', "1.0", "-0.0", "9007199254740993",
]  # fmt: skip


def as_json(found: Any, wanted: Any) -> bool:
    """True if a value is what the JSON says; numbers are compared exactly."""
    if found is None:
        return wanted is None
    if isinstance(wanted, dict):
        if isinstance(found, dict):
            # Keys that the object lacks are NULL.
            return all(as_json(value, wanted.get(key)) for key, value in found.items()) and (
                set(wanted) <= set(found)
            )
    elif isinstance(wanted, list):
        if isinstance(found, list):
            return len(found) == len(wanted) and all(map(as_json, found, wanted))
    elif isinstance(wanted, bool):
        return found is wanted or found == str(wanted).lower()
    elif isinstance(wanted, str):
        if isinstance(found, dt.date):
            return found == type(found).fromisoformat(wanted)
        return found in (wanted, json.dumps(wanted, ensure_ascii=False), json.dumps(wanted))
    elif isinstance(wanted, int | Decimal):
        if isinstance(found, float):
            return Decimal(repr(found)) == wanted
        if not isinstance(found, str):
            return bool(found == wanted)
        return Decimal(found.strip('"')) == wanted
    # Values of mixed kinds stay JSON.
    return isinstance(found, str) and as_json(json.loads(found, parse_float=Decimal), wanted)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_json_values_arrive_unchanged(tmp_path: Path, workers: Workers, round_: int) -> None:
    rng = random.Random(SEED + round_)
    tables = {}
    for name, rows in (("small", rng.randint(1, 60)), ("large", LATE + rng.randint(1, 400))):
        columns = {}
        for index in range(5):
            make = rng.choice(JSON_MAKE)
            columns[f"k{index}"] = column = [make(rng) for _ in range(rows)]
            for _ in range(rng.choice([0, 1, 1, 3])):
                column[rows - 1 - rng.randrange(min(rows, 50))] = rng.choice(JSON_ODD)
        columns["late"] = ["" if it < rows - 1 else "7.25" for it in range(rows)]
        lines = [
            "{" + ", ".join([f'"id": {row}', *(f'"{key}": {column[row]}'
                for key, column in columns.items() if column[row])]) + "}"
            for row in range(rows)
        ]  # fmt: skip
        text = "[" + ",\n".join(lines) + "]" if rng.random() < 0.3 else "\n".join(lines)
        (tmp_path / f"{name}.json").write_text(text)
        tables[name] = [json.loads(line, parse_float=Decimal) for line in lines]
    source = of_files(tmp_path, workers)
    for name, wanted in tables.items():
        table = source.table(f"select * from {name} order by id", name)
        found = table.to_pylist()
        assert len(found) == len(wanted)
        for row, want in zip(found, wanted, strict=True):
            for key, value in row.items():
                assert as_json(value, want.get(key)), (
                    name, key, table.schema.field(key).type, value, want.get(key),
                )  # fmt: skip
            assert set(want) <= set(row)


# --- DuckDB's types: against its own driver --------------------------------------------------

VALUES: dict[str, list[str]] = {
    "BOOLEAN": ["true", "false"],
    "TINYINT": ["-128", "127"],
    "SMALLINT": ["-32768", "32767"],
    "INTEGER": ["-2147483648", "7"],
    "BIGINT": ["-9223372036854775808", "9223372036854775807", "0"],
    "UTINYINT": ["255"],
    "UINTEGER": ["4294967295"],
    "UBIGINT": ["18446744073709551615", "0"],
    "HUGEINT": ["-9223372036854775808", "9223372036854775808", "5", f"{2**127 - 1}", f"{-(2**127)}"],
    "UHUGEINT": ["5", f"{2**64}", f"{2**127}", f"{2**128 - 1}"],
    "DECIMAL(4,1)": ["-999.9", "0.1"],
    "DECIMAL(18,6)": ["123456789012.123456"],
    "DECIMAL(38,10)": ["9999999999999999999999999999.9999999999", "-0.0000000001"],
    "FLOAT": ["1.5", "-inf", "nan"],
    "DOUBLE": ["1e308", "0.1", "inf", "5e-324"],
    "VARCHAR": ["", "ä", "it''s", "NULL", "  x "],
    "BLOB": ["\\xAA\\x00", ""],
    "DATE": ["2026-01-31", "0001-01-01", "12024-06-30", "4713-01-01 (BC)", "infinity"],
    "TIME": ["23:59:59.999999", "00:00:00", "24:00:00"],
    "TIMETZ": ["10:00:00+02", "10:00:00-03:30"],
    "TIMESTAMP": ["2026-01-31 10:00:00.123456", "0001-01-01 00:00:00", "infinity", "-infinity"],
    "TIMESTAMP_S": ["2026-01-31 10:00:00", "infinity"],
    "TIMESTAMP_MS": ["2026-01-31 10:00:00.123", "-infinity"],
    "TIMESTAMP_NS": ["2026-01-31 10:00:00.123456789", "infinity"],
    "TIMESTAMPTZ": ["2026-01-31 10:00:00+02", "infinity"],
    "INTERVAL": ["1 month 2 days 03:00:00", "-5 minutes", "2562000 hours", "2562048 hours"],
    "UUID": ["12345678-1234-1234-1234-123456789012"],
    "BIT": ["0101", "1"],
    "JSON": ['{"a": 1.10}', "[1, null]", '"x"'],
    "ENUM('x', 'y')": ["x", "y"],
    "BIGNUM": ["12345678901234567890"],
}  # fmt: skip
# These may be refused: Arrow or its readers can't represent them.
HARD = {
    f"{2**127 - 1}", f"{-(2**127)}", f"{2**127}", f"{2**128 - 1}", f"{2**64}", "9223372036854775808",
    "infinity", "-infinity", "24:00:00", "2562048 hours",
}  # fmt: skip


def make_value(rng: random.Random, depth: int) -> tuple[str, Callable[[], str]]:
    """A random type, and a function that makes SQL literals of it."""
    shape = rng.random() if depth else 1.0
    if shape < 0.2:
        kind, make = make_value(rng, depth - 1)
        return f"{kind}[]", lambda: f"[{', '.join(make() for _ in range(rng.randint(0, 3)))}]"
    if shape < 0.3:
        kind, make = make_value(rng, depth - 1)
        return f"{kind}[2]", lambda: f"[{make()}, {make()}]"
    if shape < 0.45:
        fields = {name: make_value(rng, depth - 1) for name in ("a", "b c")}
        kinds = ", ".join(f'"{name}" {kind}' for name, (kind, _) in fields.items())
        return (
            f"STRUCT({kinds})",
            lambda: (
                "{" + ", ".join(f"'{name}': {make()}" for name, (_, make) in fields.items()) + "}"
            ),
        )
    if shape < 0.55:
        kind, make = make_value(rng, depth - 1)
        return f"MAP(VARCHAR, {kind})", lambda: f"MAP {{'k': {make()}, 'l': {make()}}}"
    kind = rng.choice(list(VALUES))

    def plain() -> str:
        value = rng.choice(VALUES[kind] if rng.random() < 0.6 else easy(kind))
        return "NULL" if rng.random() < 0.2 else f"'{value}'::{kind}"

    return kind, plain


def easy(kind: str) -> list[str]:
    return [value for value in VALUES[kind] if value not in HARD]


def answer(source: Source, sql: str, table: str) -> tuple[pa.Table | None, InvalidInput | None]:
    """A statement's rows, or the error it raised."""
    try:
        return source.table(sql, table), None
    except InvalidInput as error:
        return None, error


def shown(text: str | None) -> str | None:
    """A value as DuckDB prints it, without quotes, which depend on the nested type."""
    return None if text is None else text.replace("'", "").replace('"', "")


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_duckdb_values_arrive_unchanged(tmp_path: Path, workers: Workers, round_: int) -> None:
    rng = random.Random(SEED + round_)
    path = tmp_path / "t.duckdb"
    with duckdb.connect(str(path)) as native:
        native.execute("SET TimeZone = 'UTC'")
        columns = []
        for index in range(16):
            kind, make = make_value(rng, 2)
            values = [make() for _ in range(4)]
            rows = ", ".join(f"({number}, {value})" for number, value in enumerate(values))
            native.execute(f"CREATE TABLE t{index} (id INTEGER, v {kind})")
            native.execute(f"INSERT INTO t{index} VALUES {rows}")
            hard = any(f"'{value}'" in rows for value in HARD)
            wanted = native.execute(f"SELECT v::VARCHAR FROM t{index} ORDER BY id").fetchall()
            columns.append((kind, hard, [row[0] for row in wanted]))
    connector = DuckdbFileConnector([tmp_path], workers)
    source = Source(connector, Target("c1", 1, DuckdbFileConfig(path=str(path))))
    with duckdb.connect() as reader:
        reader.execute("SET TimeZone = 'UTC'")
        for index, (kind, hard, wanted) in enumerate(columns):
            found, refused = answer(source, f"select v from t{index} order by id", f"t{index}")
            if refused is not None:
                assert hard, (kind, wanted, refused.message)
                assert refused.code in ("numeric_overflow", "bad_value")
                assert refused.details.get("column") == "v", (kind, refused.message)
                continue
            reader.register("found", found)
            back = reader.execute("SELECT v::VARCHAR FROM found").fetchall()
            assert [shown(row[0]) for row in back] == [shown(it) for it in wanted], kind
