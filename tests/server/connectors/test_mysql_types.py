"""What MariaDB's values become in Arrow: each type with a value, with null, and at its limits."""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Iterator
from decimal import Decimal

import pyarrow as pa
import pytest
from support.mariadb import MariaDB
from support.source import Source

from wb_server.kit.errors import InvalidInput, TooLarge


@pytest.fixture
def tables(mariadb: MariaDB) -> Iterator[MariaDB]:
    """A table ``t`` that a test makes, dropped afterwards."""
    yield mariadb
    mariadb.execute("drop table if exists t")


def column(source: Source, tables: MariaDB, declared: str, *values: str) -> pa.ChunkedArray:
    """Creates a column of this type with these literals and reads it back, in their order."""
    rows = ", ".join(f"({number}, {value})" for number, value in enumerate(values))
    tables.execute(
        f"create or replace table t (n int, x {declared})", f"insert into t values {rows}"
    )
    return source.table("select x from t order by n", "t").column("x")


UTC = dt.UTC
LAST = dt.datetime(9999, 12, 31, 23, 59, 59, 999999)
TYPES: list[tuple[str, list[str], pa.DataType, list[object]]] = [
    ("tinyint", ["-128", "127"], pa.int8(), [-128, 127]),
    ("tinyint unsigned", ["0", "255"], pa.uint8(), [0, 255]),
    ("boolean", ["true", "false"], pa.int8(), [1, 0]),
    ("smallint", ["-32768", "32767"], pa.int16(), [-(2**15), 2**15 - 1]),
    ("smallint unsigned", ["65535"], pa.uint16(), [2**16 - 1]),
    ("mediumint", ["-8388608", "8388607"], pa.int32(), [-(2**23), 2**23 - 1]),
    ("mediumint unsigned", ["16777215"], pa.uint32(), [2**24 - 1]),
    ("int", ["-2147483648", "2147483647"], pa.int32(), [-(2**31), 2**31 - 1]),
    ("int unsigned", ["4294967295"], pa.uint32(), [2**32 - 1]),
    ("bigint", [str(-(2**63)), str(2**63 - 1)], pa.int64(), [-(2**63), 2**63 - 1]),
    ("bigint unsigned", [str(2**64 - 1)], pa.uint64(), [2**64 - 1]),
    ("year", ["1901", "2155", "0"], pa.int16(), [1901, 2155, 0]),
    ("float", ["1.17549435e-38", "-0.1"], pa.float32(), None),  # type: ignore[list-item]
    ("double", ["1.7976931348623157e308", "-0.1"], pa.float64(), [1.7976931348623157e308, -0.1]),
    (
        "decimal(12,2)",
        ["-9999999999.99", "0.10"],
        pa.decimal128(12, 2),
        [Decimal("-9999999999.99"), Decimal("0.10")],
    ),
    ("decimal(5,2) unsigned", ["999.99"], pa.decimal128(5, 2), [Decimal("999.99")]),
    ("decimal(38,0)", ["9" * 38, "-" + "9" * 38], pa.decimal128(38, 0), None),  # type: ignore[list-item]
    ("decimal(38,38)", ["0." + "9" * 38], pa.decimal128(38, 38), None),  # type: ignore[list-item]
    ("decimal(65,30)", ["-12345678.5"], pa.decimal128(38, 30), [Decimal("-12345678.5")]),
    ("date", ["'0001-01-01'", "'9999-12-31'"], pa.date32(), [dt.date.min, dt.date.max]),
    (
        "date",
        ["'1969-12-31'", "'2000-02-29'", "'1900-03-01'"],
        pa.date32(),
        [dt.date(1969, 12, 31), dt.date(2000, 2, 29), dt.date(1900, 3, 1)],
    ),
    (
        "datetime",
        ["'2026-01-31 00:00:00'", "'2026-01-31 23:59:59'"],
        pa.timestamp("us"),
        [dt.datetime(2026, 1, 31), dt.datetime(2026, 1, 31, 23, 59, 59)],
    ),
    ("datetime(6)", ["'9999-12-31 23:59:59.999999'"], pa.timestamp("us"), [LAST]),
    ("time", ["'838:59:59'", "'-838:59:59'", "'00:00:00'"], pa.duration("us"), [
        dt.timedelta(hours=838, minutes=59, seconds=59),
        -dt.timedelta(hours=838, minutes=59, seconds=59),
        dt.timedelta(0),
    ]),
    ("time(3)", ["'-00:00:00.250'"], pa.duration("us"), [-dt.timedelta(milliseconds=250)]),
    ("bit(1)", ["b'1'", "b'0'"], pa.uint64(), [1, 0]),
    ("bit(10)", ["b'1000000001'"], pa.uint64(), [513]),
    ("bit(64)", ["b'" + "1" * 64 + "'"], pa.uint64(), [2**64 - 1]),
    ("char(5)", ["'a'", "''"], pa.string(), ["a", ""]),
    ("varchar(20)", ["'Zoë 𝄞 密'"], pa.string(), ["Zoë 𝄞 密"]),
    ("varchar(20) character set latin1", ["'café'"], pa.string(), ["café"]),
    ("text", [f"repeat('x', {n})" for n in (250, 251, 65535)], pa.string(), [
        "x" * 250, "x" * 251, "x" * 65535,
    ]),
    ("longtext", ["repeat('y', 70000)"], pa.string(), ["y" * 70000]),
    ("enum('small','large')", ["'large'"], pa.string(), ["large"]),
    ("set('a','b','c')", ["'a,c'", "''"], pa.string(), ["a,c", ""]),
    ("json", ["'{\"a\": [1, null]}'"], pa.string(), ['{"a": [1, null]}']),
    ("uuid", ["'123e4567-e89b-12d3-a456-426655440000'"], pa.string(), [
        "123e4567-e89b-12d3-a456-426655440000",
    ]),
    ("inet6", ["'2001:db8::1'"], pa.string(), ["2001:db8::1"]),
    ("binary(3)", ["x'00ff'"], pa.binary(), [b"\x00\xff\x00"]),
    ("varbinary(3)", ["x''", "x'00ff'"], pa.binary(), [b"", b"\x00\xff"]),
    ("blob", ["x'fffefd'"], pa.binary(), [b"\xff\xfe\xfd"]),
    ("point", ["point(1, 2)"], pa.binary(), None),  # type: ignore[list-item]
]  # fmt: skip


@pytest.mark.parametrize(("declared", "values", "kind", "expected"), TYPES)
def test_each_type_is_read_into_arrow(
    source_mysql: Source,
    tables: MariaDB,
    declared: str,
    values: list[str],
    kind: pa.DataType,
    expected: list[object] | None,
) -> None:
    """With nulls before, between and after, which take no bytes of the row."""
    mixed = ["null", *(text for value in values for text in (value, "null"))]
    found = column(source_mysql, tables, declared, *mixed)
    assert found.type == kind
    assert [value.as_py() for value in found[::2]] == [None] * (len(values) + 1)
    got = [value.as_py() for value in found[1::2]]
    if expected is None:
        # What a plain client reads.
        expected = [x for (x,) in tables.execute("select x from t where x is not null order by n")]
        if kind == pa.float32():
            got, expected = [f"{x:.6g}" for x in got], [f"{x:.6g}" for x in expected]
    assert got == expected


def test_floats_keep_all_their_bits(source_mysql: Source, tables: MariaDB) -> None:
    """The text protocol would round a FLOAT to six digits."""
    found = column(source_mysql, tables, "float", "16777215", "0.1")
    assert [x.as_py() for x in found] == [16777215.0, pa.scalar(0.1, pa.float32()).as_py()]


def test_timestamps_are_utc_instants(source_mysql: Source, tables: MariaDB) -> None:
    """Whatever the time zones of the server and of the writer."""
    tables.execute(
        "create or replace table t (x timestamp(3) null)",
        "set time_zone = '+05:00'",
        "insert into t values ('2026-01-31 05:00:00.125'), (null)",
    )
    found = source_mysql.table("select x from t order by x desc", "t").column("x")
    assert found.type == pa.timestamp("us", "UTC")
    assert found.to_pylist() == [dt.datetime(2026, 1, 31, 0, 0, 0, 125000, UTC), None]


def test_sums_are_exact(source_mysql: Source) -> None:
    table = source_mysql.table("select sum(0.1) as x, avg(0.1) as y from seq_1_to_100000")
    assert table.to_pylist() == [{"x": Decimal("10000.0"), "y": Decimal("0.10000")}]


def test_decimals_of_more_than_38_digits_are_exact(source_mysql: Source, tables: MariaDB) -> None:
    """Every digit arrives; a short result has 38 digits where they are enough."""
    for declared, value, kind in (
        ("decimal(65,30)", "12345678901234567890123456789012345.123456789", pa.decimal256(65, 30)),
        ("decimal(65,30)", "12345678.5", pa.decimal128(38, 30)),
        ("decimal(65,0)", "-" + "9" * 65, pa.decimal256(65, 0)),
        ("decimal(45,0) unsigned", "9" * 39, pa.decimal256(45, 0)),
    ):
        found = column(source_mysql, tables, declared, "null", value)
        assert found.type == kind
        assert found.to_pylist() == [None, Decimal(value)]
    assert source_mysql.table("select x from t where false", "t").schema.types == [
        pa.decimal128(38, 0)
    ]
    sql = (
        "select cast(if(seq > 59000, repeat('9', 60), seq) as decimal(60, 0)) as x, repeat('y', 30)"
    )
    table = source_mysql.table(f"{sql} from seq_1_to_60000")
    assert table.column("x").num_chunks > 1
    assert table.schema.field("x").type == pa.decimal256(60, 0)
    assert table.column("x").to_pylist()[58998:59002] == [
        58999, 59000, Decimal("9" * 60), Decimal("9" * 60),
    ]  # fmt: skip
    (row,) = source_mysql.rows(
        "insert into t values (9, '123456789012345678901234567890123456789012345') "
        "returning x, n", kind="write",
    )  # fmt: skip
    assert row == {"x": Decimal(123456789012345678901234567890123456789012345), "n": 9}


@pytest.mark.parametrize("declared", ["date", "datetime", "timestamp"])
def test_a_zero_date_is_refused_with_a_remedy(
    source_mysql: Source, tables: MariaDB, declared: str
) -> None:
    tables.execute(
        f"create or replace table t (n int, `a day` {declared} null)",
        "set sql_mode = ''",
        "insert into t values (1, '2026-01-31'), (2, '0000-00-00')",
        *([] if declared == "timestamp" else ["insert into t values (3, '2026-02-00')"]),
    )
    with pytest.raises(InvalidInput, match="zero date") as caught:
        source_mysql.table("select `a day` from t", "t")
    assert caught.value.code == "bad_value"
    assert caught.value.details["column"] == "a day"
    # Both remedies that the message names work.
    for remedy in ("if(month(`a day`) * day(`a day`) = 0, null, `a day`)", "cast(`a day` as char)"):
        assert remedy in caught.value.message
        assert source_mysql.table(f"select {remedy} as x from t", "t").num_rows >= 2


def test_a_month_without_a_day_is_a_zero_date(source_mysql: Source, tables: MariaDB) -> None:
    tables.execute(
        "create or replace table t (x date)",
        "set sql_mode = ''",
        "insert into t values ('2026-02-00')",
    )
    with pytest.raises(InvalidInput, match="zero date"):
        source_mysql.table("select x from t", "t")


def test_text_of_another_character_set_is_converted(source_mysql: Source, tables: MariaDB) -> None:
    found = column(source_mysql, tables, "varchar(10) character set latin1", "x'80e9'")
    assert found.to_pylist() == ["€é"]


def test_columns_may_share_a_name(source_mysql: Source) -> None:
    table = source_mysql.table("select 1 as a, 'x' as a, null as a")
    assert table.column_names == ["a", "a", "a"]
    assert [column[0].as_py() for column in table.columns] == [1, "x", None]


def test_nulls_are_found_in_many_columns(source_mysql: Source) -> None:
    """Each eighth column needs another byte of the null bitmap, which begins at bit 2."""
    for number in (5, 6, 7, 8, 13, 14, 15, 100):
        sql = "select " + ", ".join(f"if({n} % 3 = 0, null, {n}) as c{n}" for n in range(number))
        (row,) = source_mysql.rows(sql)
        assert list(row.values()) == [None if n % 3 == 0 else n for n in range(number)]


def test_rows_of_several_packets_are_read(source_mysql: Source) -> None:
    """A row over 16 MiB comes in several packets; one of exactly the border ends with an empty packet."""
    border = 0xFFFFFF - 2 - 4 - 4  # minus the row's header and null bitmap, and two lengths
    for size in (border, border + 1, border - 1):
        first, second = 8_000_000, size - 8_000_000
        table = source_mysql.table(
            f"select repeat('x', {first}) as x, repeat('y', {second}) as y union all select '', 'z'"
        )
        assert [len(value.as_py()) for value in table.column("x")] == [first, 0]
        assert [len(value.as_py()) for value in table.column("y")] == [second, 1]


def test_an_oversized_row_is_refused(source_mysql: Source, tables: MariaDB) -> None:
    limit = 32 * 2**20
    piece = "repeat('x', 15000000)"
    for count, fits in ((2, True), (3, False), (60, False)):
        sql = "select " + ", ".join(f"{piece} as c{number}" for number in range(count))
        if fits:
            assert source_mysql.table(sql).nbytes > 30_000_000
            continue
        with pytest.raises(TooLarge) as caught:
            source_mysql.table(sql)
        assert (caught.value.code, caught.value.details["limit"]) == ("too_large", limit)
    tables.execute("create or replace table t (x longtext)")
    with pytest.raises(TooLarge):
        source_mysql.table(
            "insert into t values ('a') returning " + ", ".join([piece] * 3), kind="write"
        )
    assert source_mysql.value("select count(*) from t", "t") == 0


def test_columns_carry_their_source_type(source_mysql: Source, tables: MariaDB) -> None:
    tables.execute("create or replace table t (a int unsigned, b decimal(9,3), c enum('x'))")
    schema = source_mysql.table("select * from t", "t").schema
    assert [schema.field(name).metadata[b"source_type"] for name in "abc"] == [
        b"int unsigned", b"decimal(9,3)", b"enum",
    ]  # fmt: skip


# --- generated -------------------------------------------------------------------------------

SEED = int(os.environ.get("WB_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)


def random_value(rng: random.Random, declared: str) -> object:
    """A random value of a type as Arrow has it, sometimes NULL."""
    if rng.random() < 0.2:
        return None
    kind, _, size = declared.partition("(")
    if kind == "decimal":
        digits, scale = (int(part) for part in size.partition(")")[0].split(","))
        number = rng.choice([0, 10**digits - 1, rng.randrange(10 ** rng.randrange(1, digits + 1))])
        sign = "" if "unsigned" in declared else rng.choice(["", "-"])
        return Decimal(f"{sign}{number}e-{scale}")
    if kind.startswith(("int", "bigint", "tinyint")):
        bits = {"int": 32, "bigint": 64, "tinyint": 8}[kind.split()[0]]
        low, high = (
            (0, 2**bits - 1) if "unsigned" in kind else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        )
        return rng.choice([low, high, rng.randint(low, high)])
    if kind == "double":
        return rng.choice([0.0, -0.1, 1.7976931348623157e308, rng.uniform(-1e9, 1e9)])
    if kind in ("varchar", "longtext"):
        odd = ["", "NULL", "'", "\\", '"', "ä𝄞", "a\nb", "0x41", "x" * 250, "x" * 251, "y" * 70_000]
        return rng.choice(odd[: 10 if kind == "varchar" else 11])
    if kind == "longblob":
        return rng.randbytes(rng.choice([0, 1, 250, 251, 300]))
    moment = dt.datetime(1, 1, 1) + dt.timedelta(
        seconds=rng.randrange(300_000_000_000), microseconds=rng.randrange(10**6)
    )
    if kind == "date":
        return moment.date()
    if kind == "datetime":
        return moment
    return rng.choice([1, -1]) * dt.timedelta(
        hours=rng.randrange(838), minutes=rng.randrange(60), microseconds=rng.randrange(10**7)
    )


DECLARED = [
    "decimal(65,30)", "decimal(65,0)", "decimal(39,38)", "decimal(38,10)", "decimal(12,2)",
    "decimal(50,5) unsigned", "int", "int unsigned", "bigint", "bigint unsigned", "tinyint",
    "double", "varchar(300)", "longtext", "longblob", "date", "datetime(6)", "time(6)",
]  # fmt: skip


@pytest.mark.parametrize("round_", range(int(os.environ.get("WB_ROUNDS", "4"))))
def test_random_values_are_read_as_written(
    source_mysql: Source, mariadb: MariaDB, round_: int
) -> None:
    """Random tables, written by PyMySQL; long and short results, whose decimals differ in type."""
    print(f"WB_SEED={SEED}")
    rng = random.Random(SEED + round_)
    kinds = rng.sample(DECLARED, rng.randrange(5, len(DECLARED) + 1))
    columns = ", ".join(f"c{index} {kind}" for index, kind in enumerate(kinds))
    count = rng.choice([0, 1, 50, 400])
    rows = [[random_value(rng, kind) for kind in kinds] for _ in range(count)]
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"create or replace table t (id int auto_increment primary key, {columns})")
        names = ", ".join(f"c{index}" for index in range(len(kinds)))
        for row in rows:
            marks = ", ".join(["%s"] * len(kinds))
            cursor.execute(f"insert into t ({names}) values ({marks})", row)
    table = source_mysql.table(f"select {names} from t order by id", "t")
    mariadb.execute("drop table t")
    for index, kind in enumerate(kinds):
        found = table.column(index).to_pylist()
        assert found == [row[index] for row in rows], (kind, SEED + round_)
