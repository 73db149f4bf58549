"""Column types of CSV, JSON and Parquet files: the whole file decides, and no value changes."""

from __future__ import annotations

import datetime as dt
import gzip
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.source import Source

from wb_server.connectors.base import Target
from wb_server.connectors.embedded.workers import Workers
from wb_server.connectors.files.connector import FilesConfig, FilesConnector
from wb_server.gate.dialects.tables import TableRef
from wb_server.kit.errors import Conflict, InvalidInput

pytestmark = pytest.mark.slow

UTC = dt.UTC
# DuckDB's own reader infers types from this many rows.
LATE = 20_480


@pytest.fixture
def files(tmp_path: Path, workers: Workers) -> Source:
    connector = FilesConnector([tmp_path], workers)
    return Source(connector, Target("c1", 1, FilesConfig(folder=str(tmp_path))))


def kinds(files: Source, name: str) -> dict[str, str]:
    with files.open(kind="browse") as session:
        return {column.name: column.type for column in session.columns(None, name)}


CSV: list[tuple[str, list[str], str, list[Any] | None]] = [
    ("whole", ["1", "-5", "0"], "BIGINT", [1, -5, 0]),
    ("money", ["19.99", "3", "-0.00"], "DECIMAL(18,2)", [Decimal("19.99"), 3, 0]),
    ("bare", [".5", "-.25", "1"], "DECIMAL(18,2)", [Decimal("0.5"), Decimal("-0.25"), 1]),
    ("most", ["9223372036854775807", "-9223372036854775808", "1"], "BIGINT",
     [2**63 - 1, -(2**63), 1]),
    ("ids", ["12345678901234567890", "1", "2"], "DECIMAL(38,0)", [12345678901234567890, 1, 2]),
    ("long", ["1234567890.12345678901234567890", "1", "2"], "DECIMAL(38,20)",
     [Decimal("1234567890.12345678901234567890"), 1, 2]),
    ("full", ["0." + "1" * 38, "0", "0"], "DECIMAL(38,38)", [Decimal("0." + "1" * 38), 0, 0]),
    ("longer", ["1" * 39, "1", "2"], "VARCHAR", ["1" * 39, "1", "2"]),
    ("scale", ["1" * 30 + ".5", "0." + "1" * 12, "2"], "VARCHAR",
     ["1" * 30 + ".5", "0." + "1" * 12, "2"]),
    ("exponent", ["1e5", "-2.5e-3", "0.1"], "DOUBLE", [1e5, -2.5e-3, 0.1]),
    ("none", ["NaN", "inf", "1.5"], "DOUBLE", [math.nan, math.inf, 1.5]),
    ("tiny", ["1e-400", "1", "2"], "VARCHAR", ["1e-400", "1", "2"]),
    ("huge", ["1e400", "1", "2"], "VARCHAR", ["1e400", "1", "2"]),
    ("rounded", ["1.2345678901234567891e5", "1", "2"], "VARCHAR",
     ["1.2345678901234567891e5", "1", "2"]),
    ("zeros", ["007", "1", "2"], "VARCHAR", ["007", "1", "2"]),
    ("point", ["00.5", "1", "2"], "VARCHAR", ["00.5", "1", "2"]),
    ("ends", ["5.", "1", "2"], "VARCHAR", ["5.", "1", "2"]),
    ("plus", ["+5", "1", "2"], "VARCHAR", ["+5", "1", "2"]),
    ("comma", ["1,5", "2,25", "3"], "VARCHAR", ["1,5", "2,25", "3"]),
    ("groups", ["1,000.50", "2", "3"], "VARCHAR", ["1,000.50", "2", "3"]),
    ("under", ["1_000", "2", "3"], "VARCHAR", ["1_000", "2", "3"]),
    ("hex", ["0x1F", "2", "3"], "VARCHAR", ["0x1F", "2", "3"]),
    ("bool", ["true", "false", "true"], "BOOLEAN", [True, False, True]),
    ("Title", ["True", "False", "True"], "BOOLEAN", [True, False, True]),
    ("cased", ["True", "false", "true"], "VARCHAR", ["True", "false", "true"]),
    ("letters", ["t", "f", "t"], "VARCHAR", ["t", "f", "t"]),
    ("words", ["yes", "no", "yes"], "VARCHAR", ["yes", "no", "yes"]),
    ("day", ["2026-01-31", "0001-01-01", "9999-12-31"], "DATE",
     [dt.date(2026, 1, 31), dt.date.min, dt.date.max]),
    ("gaps", ["2026-01-31 10:00:00", "", ""], "TIMESTAMP", [dt.datetime(2026, 1, 31, 10), None, None]),
    ("gaps_ns", ["2026-01-31 10:00:00.123456789", "", ""], "TIMESTAMP_NS", None),
    ("no_day", ["2026-02-30", "2026-01-01", "2026-01-01"], "VARCHAR",
     ["2026-02-30", "2026-01-01", "2026-01-01"]),
    ("year_0", ["0000-01-01", "2026-01-01", "2026-01-01"], "VARCHAR",
     ["0000-01-01", "2026-01-01", "2026-01-01"]),
    ("short", ["2026-1-5", "2026-01-01", "2026-01-01"], "VARCHAR",
     ["2026-1-5", "2026-01-01", "2026-01-01"]),
    ("doubt", ["01/02/2026", "03/04/2026", "05/06/2026"], "VARCHAR",
     ["01/02/2026", "03/04/2026", "05/06/2026"]),
    ("dmy", ["01/02/2026", "31/01/2026", "05/06/2026"], "DATE",
     [dt.date(2026, 2, 1), dt.date(2026, 1, 31), dt.date(2026, 6, 5)]),
    ("mdy", ["01-02-2026", "1-31-2026", "05-06-2026"], "DATE",
     [dt.date(2026, 1, 2), dt.date(2026, 1, 31), dt.date(2026, 5, 6)]),
    ("both", ["31.01.2026", "01.31.2026", "05.06.2026"], "VARCHAR",
     ["31.01.2026", "01.31.2026", "05.06.2026"]),
    ("moment", ["2026-01-31 10:00:00", "2026-01-31T10:00", "2026-01-31 10:00:00.123456"],
     "TIMESTAMP", [dt.datetime(2026, 1, 31, 10), dt.datetime(2026, 1, 31, 10),
                   dt.datetime(2026, 1, 31, 10, 0, 0, 123456)]),
    ("midnight", ["2026-01-31 10:00:00", "2026-01-31", "2026-01-31"], "VARCHAR",
     ["2026-01-31 10:00:00", "2026-01-31", "2026-01-31"]),
    ("last", ["2026-01-31 24:00:00", "2026-01-31 10:00:00", "2026-01-31 10:00:00"], "VARCHAR",
     ["2026-01-31 24:00:00", "2026-01-31 10:00:00", "2026-01-31 10:00:00"]),
    ("zoned", ["2026-01-31T10:00:00Z", "2026-01-31 10:00:00+02", "2026-01-31 10:00:00.5-0330"],
     "TIMESTAMP WITH TIME ZONE",
     [dt.datetime(2026, 1, 31, 10, tzinfo=UTC), dt.datetime(2026, 1, 31, 8, tzinfo=UTC),
      dt.datetime(2026, 1, 31, 13, 30, 0, 500000, tzinfo=UTC)]),
    ("mixed_zone", ["2026-01-31T10:00:00Z", "2026-01-31T10:00:00", "2026-01-31T10:00:00"],
     "VARCHAR", ["2026-01-31T10:00:00Z", "2026-01-31T10:00:00", "2026-01-31T10:00:00"]),
    ("zoned_ns", ["2026-01-31T10:00:00.123456789Z", "2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"],
     "VARCHAR",
     ["2026-01-31T10:00:00.123456789Z", "2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"]),
    ("far_ns", ["3026-01-31T10:00:00.123456789", "2026-01-31T10:00:00", "2026-01-31T10:00:00"],
     "VARCHAR",
     ["3026-01-31T10:00:00.123456789", "2026-01-31T10:00:00", "2026-01-31T10:00:00"]),
    ("clock", ["10:00:00", "23:59:59.5", "00:00:00"], "TIME",
     [dt.time(10), dt.time(23, 59, 59, 500000), dt.time(0)]),
    ("hours", ["10:00", "11:00", "12:00"], "VARCHAR", ["10:00", "11:00", "12:00"]),
    ("empty", ["", "", ""], "VARCHAR", [None, None, None]),
    ("some", ["", "5", ""], "BIGINT", [None, 5, None]),
    ("blank", ["  ", " 5", "6 "], "BIGINT", [None, 5, 6]),
    ("spaces", [" a", "b ", "  "], "VARCHAR", [" a", "b ", "  "]),
    ("null", ["NULL", "5", "6"], "VARCHAR", ["NULL", "5", "6"]),
    ("infinity", ["infinity", "2026-01-01", "2026-01-01"], "VARCHAR",
     ["infinity", "2026-01-01", "2026-01-01"]),
]  # fmt: skip


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, float) and math.isnan(wanted):
        return isinstance(found, float) and math.isnan(found)
    return bool(found == wanted) and isinstance(found, str) == isinstance(wanted, str)


@pytest.mark.parametrize("late", [False, True])
def test_csv_columns_get_exact_types(files: Source, tmp_path: Path, late: bool) -> None:
    """Each form, in the first rows and after many rows that suggest another type."""
    names = [name for name, *_ in CSV]
    rows = [[texts[row] for _, texts, *_ in CSV] for row in range(3)]
    filler = [rows[2]] * (LATE + 100) if late else []
    lines = [names, *filler, *rows]
    text = "\n".join(";".join(line) for line in lines) + "\n"
    (tmp_path / "t.csv").write_text(text)
    assert kinds(files, "t") == {name: kind for name, _, kind, _ in CSV}
    table = files.table("select * from t", "t")
    for index, (name, _, _, values) in enumerate(CSV):
        if values is None:  # nanoseconds, which Python doesn't have
            continue
        found = table.column(index).slice(len(filler)).to_pylist()
        assert all(map(same, found, values)), (name, found, values)


def test_quoted_empty_values_are_empty_texts_or_null(files: Source, tmp_path: Path) -> None:
    """A quoted empty value is an empty text, and NULL in a column of numbers."""
    late = "1,2,x\n" * (LATE + 100)
    (tmp_path / "t.csv").write_text(f'a,b,c\n{late}"3","",""\n,4,\n5,6,"say ""a,b"""\n')
    assert kinds(files, "t") == {"a": "BIGINT", "b": "BIGINT", "c": "VARCHAR"}
    rows = files.rows("select * from t where c is distinct from 'x'", "t")
    assert rows == [
        {"a": 3, "b": None, "c": ""},
        {"a": None, "b": 4, "c": None},
        {"a": 5, "b": 6, "c": 'say "a,b"'},
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('"id","name"\n1,"x"\n', [{"id": 1, "name": "x"}]),
        ('"id"\n1\n', [{"id": 1}]),
        ('"a,b",c\n1,2\n3,4\n', [{"a,b": 1, "c": 2}, {"a,b": 3, "c": 4}]),
        ('"a;x";"b""y"\r\n1;"p;q"\r\n', [{"a;x": 1, 'b"y': "p;q"}]),
        ('"two\nlines","b"\n1,2\n', [{"two\nlines": 1, "b": 2}]),
        ('"a","A",""\n"x","y","z"\n', [{"a": "x", "A_1": "y", "column2": "z"}]),
        ('"1","x"\n"2","y"\n', [{"column0": 1, "column1": "x"}, {"column0": 2, "column1": "y"}]),
        ('"a";"b"\n', []),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_byte_order_mark_changes_nothing(
    files: Source, tmp_path: Path, mark: str, text: str, wanted: list[dict[str, Any]]
) -> None:
    (tmp_path / "t.csv").write_text(mark + text, encoding="utf-8", newline="")
    assert files.table("select * from t", "t").to_pylist() == wanted


def test_a_byte_order_mark_in_a_compressed_file_changes_nothing(
    files: Source, tmp_path: Path
) -> None:
    with gzip.open(tmp_path / "t.csv.gz", "wt", encoding="utf-8") as file:
        file.write('\ufeff"a,b",c\n1,2\n')
    assert files.table("select * from t", "t").to_pylist() == [{"a,b": 1, "c": 2}]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("id,name,amount\n1,x,2.5\n2,y\n3,z,1.0\n", 3),
        ("id;name\n1;x\n2;y;z\n", None),
        ("a\tb\n1\t2\nTotal: 5\n", 3),
        ("a|b\n1|2\n\nTotal\n", 4),
        ('a,b\n1,"x\ny"\n3\n', 4),
        ("amount\n1,5\n2,5\n", 1),  # the header is shorter
        ("note\ngood\nbad; slow\n", 1),  # its last line is no header
    ],
)
def test_a_line_of_another_length_is_an_error(
    files: Source, tmp_path: Path, text: str, line: int | None
) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8", newline="")
    with pytest.raises(InvalidInput) as caught:
        files.table("select * from t", "t")
    assert caught.value.code == "bad_value"
    if line is not None:
        assert caught.value.details["line"] == line


@pytest.mark.parametrize(
    "text", ["note\nSmith, J\nDoe\n", "Report\n\na,b\n1,2\n", "# m\n1,2\n3,4\n"]
)
def test_texts_with_separators_and_titles_are_read(
    files: Source, tmp_path: Path, text: str
) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    assert files.table("select * from t", "t").num_rows in (1, 2)


def test_lines_that_look_like_comments_are_rows(files: Source, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("made by hand\n\nid,name\n1,a\n#2,b\n")
    assert files.rows("select * from t", "t") == [
        {"id": "1", "name": "a"},
        {"id": "#2", "name": "b"},
    ]


@pytest.mark.parametrize(
    ("first", "last", "kind", "value"),
    [
        ('{"v": 4}', '{"v": 0.25}', "DECIMAL(18,2)", Decimal("0.25")),
        ('{"v": 4}', '{"v": 12345678901234567890}', "DECIMAL(38,0)", 12345678901234567890),
        ('{"v": 4}', '{"v": -0.12345678901234567890}', "DECIMAL(38,20)",
         Decimal("-0.12345678901234567890")),
        ('{"v": 4}', '{"v": 10000000000000000.01}', "DECIMAL(38,2)",
         Decimal("10000000000000000.01")),
        ('{"v": 0.1}', '{"v": 0.1000000000000000055511151231257827}', "DECIMAL(38,34)",
         Decimal("0.1000000000000000055511151231257827")),
        ('{"v": 4}', '{"v": 1e400}', "VARCHAR", "1e400"),
        ('{"v": 4}', '{"v": "x"}', "JSON", '"x"'),
        ('{"v": 4}', '{"v": {"a": 1}}', "JSON", '{"a":1}'),
        ('{"v": "4"}', '{"v": "05"}', "VARCHAR", "05"),
        ('{"v": "2026-01-31"}', '{"v": "2026-02-01"}', "DATE", dt.date(2026, 2, 1)),
        ('{"v": "2026-01-31"}', '{"v": "soon"}', "VARCHAR", "soon"),
        ('{"v": "01-02-2026"}', '{"v": "13-02-2026"}', "VARCHAR", "13-02-2026"),
        ('{"v": null}', '{"v": 0.5}', "DECIMAL(18,1)", Decimal("0.5")),
        ('{}', '{"v": "late"}', "VARCHAR", "late"),
        ('{"v": [1, 2]}', '{"v": [2.5, null]}', "DECIMAL(18,1)[]", [Decimal("2.5"), None]),
        ('{"v": {"a": 1}}', '{"v": {"b": 19.99}}', "STRUCT(a BIGINT, b DECIMAL(18,2))",
         {"a": None, "b": Decimal("19.99")}),
        ('{"v": [{"p": [1]}]}', '{"v": [{"p": [1.5], "q": "x"}]}',
         "STRUCT(p DECIMAL(18,1)[], q VARCHAR)[]", [{"p": [Decimal("1.5")], "q": "x"}]),
        ('{"v": {"a": 1}}', '{"v": 5}', "JSON", "5"),
        ('{"v": {"a": 1}}', '{"v": {"a": 1, "A": 2}}', "JSON", '{"a":1,"A":2}'),
        ('{"v": true}', '{"v": false}', "BOOLEAN", False),
        ('{"v": true}', '{"v": 7}', "VARCHAR", "7"),
        ('{"v": "say \\"1.12345678901234567\\""}', '{"v": "\\\\"}', "VARCHAR", "\\"),
    ],
)  # fmt: skip
def test_json_columns_get_exact_types(
    files: Source, tmp_path: Path, first: str, last: str, kind: str, value: Any
) -> None:
    """The last of many objects decides, in JSON lines and in an array."""
    lines = [first] * (LATE + 100) + [last]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    (tmp_path / "u.json").write_text("[" + ",\n".join((first, last)) + "]")
    assert kinds(files, "t")["v"] == kind
    found = files.table("select v from t", "t").column("v")
    assert same(found[-1].as_py(), value)
    # With few objects kinds are compared as well: a text among numbers makes the column JSON.
    rows = files.rows("select v from u", "u")
    assert same(rows[-1]["v"], value) or kinds(files, "u")["v"] == "JSON"


def test_json_keys_become_columns(files: Source, tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text('{"a": 1, "A": 2}\n{"A": 3}\n{"": 4}')
    assert files.rows("select * from case_json", "case_json") == [
        {"a": 1, "A_1": 2, "C2": None},
        {"a": None, "A_1": 3, "C2": None},
        {"a": None, "A_1": None, "C2": 4},
    ]
    many = ", ".join(f'"k{number}": {number}' for number in range(300))
    (tmp_path / "many.json").write_text(f'{{"o": {{{many}}}}}')
    assert kinds(files, "many") == {"o": "JSON"}
    (tmp_path / "plain.json").write_text("[1, 2.5, 0.12345678901234567890]")
    assert files.table("select sum(json) as s from plain", "plain")["s"][0].as_py() == Decimal(
        "3.62345678901234567890"
    )


def test_files_of_one_table_are_read_together(files: Source, tmp_path: Path) -> None:
    """All files decide the types, and columns are matched by name."""
    for folder, one, other in (
        ("c", ("a.csv", "id,v\n1,5\n"), ("b.csv", "v;id;new\n0.25;2;x\n")),
        ("j", ("a.json", '{"id": 1, "v": 5}'), ("b.json", '{"id": 2, "v": 0.25, "new": "x"}')),
    ):
        for part, (name, text) in (("zip=007/n=1", one), ("zip=012/n=2", other)):
            partition = tmp_path / folder / part
            partition.mkdir(parents=True)
            (partition / name).write_text(text)
        found = files.rows(f"select id, v, new, zip, n from {folder} order by id", folder)
        assert found == [
            {"id": 1, "v": Decimal("5.00"), "new": None, "zip": "007", "n": 1},
            {"id": 2, "v": Decimal("0.25"), "new": "x", "zip": "012", "n": 2},
        ]


def test_compressed_files_are_read(files: Source, tmp_path: Path) -> None:
    late = LATE + 100
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(b"v\n" + b"1\n" * late + b"0.5\n"))
    (tmp_path / "j.jsonl.gz").write_bytes(gzip.compress(b'{"v": 1}\n' * late + b'{"v": 0.5}\n'))
    for name in ("c", "j"):
        assert files.value(f"select sum(v) as s from {name}", name) == late + Decimal("0.5")


def test_empty_files_are_read(files: Source, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    (tmp_path / "b.csv").write_text("x,y\n")
    (tmp_path / "c.json").write_text("")
    (tmp_path / "d.json").write_text("{}")
    for name, rows in (("a", 0), ("b", 0), ("c", 0), ("d", 1)):
        assert files.table(f"select * from {name}", name).num_rows == rows
    assert kinds(files, "b") == {"x": "VARCHAR", "y": "VARCHAR"}


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ("1.25::decimal(10,2)", f"{'9' * 36}::decimal(36,0)", {Decimal("1.25"), Decimal("9" * 36)}),
        ("1.25::decimal(10,2)", f"{'9' * 38}::decimal(38,0)", "type_mismatch"),
        ("1.25::decimal(10,2)", "5::bigint", {Decimal("1.25"), 5}),
        ("0.5::double", "9007199254740993::bigint", "bad_value"),
        ("0.5::double", "9007199254740992::bigint", {0.5, 9007199254740992.0}),
        ("0.5::float", "16777217::integer", {0.5, 16777217.0}),
        ("0.5::double", "0.1::decimal(38,1)", "type_mismatch"),
        ("5::bigint", "'007'", {"5", "007"}),
        ("5::tinyint", "9223372036854775807::bigint", {5, 2**63 - 1}),
        ("[0.5::double]", "[9007199254740993::bigint]", "type_mismatch"),
        ("date '2026-01-01'", "null::date", {dt.date(2026, 1, 1), None}),
    ],
)
def test_parquet_files_of_different_types_are_exact_or_refused(
    files: Source, tmp_path: Path, one: str, other: str, wanted: Any
) -> None:
    """DuckDB would widen to a common type, in which values can change."""
    (tmp_path / "t").mkdir()
    for name, value in (("a", one), ("b", other), ("c", one)):
        duckdb.execute(f"COPY (SELECT {value} AS v) TO '{tmp_path / 't' / name}.parquet'")
    if isinstance(wanted, set):
        assert {row["v"] for row in files.rows("select v from t", "t")} == wanted
        return
    with pytest.raises(InvalidInput) as caught:
        files.table("select v from t", "t")
    assert (caught.value.code, caught.value.details["column"]) == (wanted, "v")


# --- each state of a file is scanned once ------------------------------------------------------


def test_a_file_is_scanned_once(
    files: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned: list[str] = []
    from wb_server.connectors.files.session import FilesSession

    learn = FilesSession._learn

    def recording(session: FilesSession, path: str, profile: dict[str, Any]) -> None:
        scanned.append(Path(path).name)
        learn(session, path, profile)

    monkeypatch.setattr(FilesSession, "_learn", recording)
    monkeypatch.setattr("wb_server.connectors.embedded.profiles._TICK_NS", -(10**18))
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("v\n1\n")
    assert files.value("select v from a", "a") == 1
    assert scanned == ["a.csv"]
    assert files.value("select v from a", "a") == 1
    assert kinds(files, "a") == {"v": "BIGINT"}
    assert scanned == ["a.csv"]
    (tmp_path / "a.csv").write_text("v\n1.5\n")
    assert files.value("select v from a", "a") == Decimal("1.5")
    assert files.value("select a.v + b.v as v from a, b", "a", "b") == Decimal("2.5")
    assert scanned == ["a.csv", "a.csv", "b.csv"]


def test_a_just_written_file_is_scanned_again(files: Source, tmp_path: Path) -> None:
    """Within one tick of the clock two states look the same."""
    for number in range(20):
        (tmp_path / "a.csv").write_text(f"v\n{number:02d}\n" if number % 2 else f"v\n{number}.5\n")
        found = files.value("select v from a", "a")
        if number % 2:
            assert str(found) == (f"{number:02d}")
        else:
            assert found == Decimal(f"{number}.5")


def test_a_file_that_changes_while_it_is_read_is_an_error(files: Source, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("v\n" + "1\n" * 3_000_000)
    with files.open("select v from a", "a") as session:
        batches = iter(session.run(timeout=30, max_write_rows=0))
        next(batches)
        with path.open("a") as more:
            more.write("007\n")
        with pytest.raises((Conflict, InvalidInput)) as caught:
            for _ in batches:
                pass
    assert caught.value.code in ("source_changed", "bad_value")


# --- the catalog -------------------------------------------------------------------------------


def test_information_schema_lists_tables_and_columns(files: Source, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("v,w\n1,x\n")
    (tmp_path / "b.json").write_text('{"v": 0.5}')
    catalog = "information_schema.tables"
    assert files.rows(
        "select table_schema, table_name from information_schema.tables order by 2", catalog
    ) == [
        {"table_schema": "files", "table_name": "a"},
        {"table_schema": "files", "table_name": "b"},
    ]
    assert files.rows(
        "select table_name, column_name, data_type from information_schema.columns order by 1, 2",
        "information_schema.columns",
    ) == [
        {"table_name": "a", "column_name": "v", "data_type": "BIGINT"},
        {"table_name": "a", "column_name": "w", "data_type": "VARCHAR"},
        {"table_name": "b", "column_name": "v", "data_type": "DECIMAL(18,1)"},
    ]
    assert TableRef(None, "information_schema", "tables")
