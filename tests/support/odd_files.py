"""Files as people have them: in other encodings, ragged, misnamed, damaged, and odd workbooks.

``CASES`` has what each of them is read as, or what the refusal says to set. They are made here, and
lie in one folder; a case's options belong to the pattern that is the file's name.
"""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl.worksheet.worksheet import Worksheet

Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True)
class Case:
    """A file, and what comes of it.

    Attributes:
        name: of the file.
        content: its bytes, or what makes them if that takes long.
        rows: what is read; ``None`` if it is refused.
        says: parts of the refusal.
        options: what is set for it, as YAML.
        table: the table's name, if it doesn't follow from the file's.
        sql: what is asked of the table.
        details: of the refusal.
    """

    name: str
    content: bytes | Callable[[], bytes]
    rows: Rows | None = None
    says: Sequence[str] = ()
    options: str = ""
    table: str = ""
    sql: str = "select * from {}"
    details: dict[str, Any] | None = None

    def made(self) -> bytes:
        """The file's bytes."""
        return self.content if isinstance(self.content, bytes) else self.content()

    @property
    def asked(self) -> str:
        return self.table or self.name.split(".")[0]


def write(folder: Path, cases: Sequence[Case] | None = None) -> str:
    """Writes files to a folder, all of them by default, and returns the YAML of their options."""
    cases = CASES if cases is None else cases
    for case in cases:
        (folder / case.name).write_bytes(case.made())
    said = {case.name: case.options for case in cases if case.options}
    return "\n".join(f'"{name}": {options}' for name, options in said.items())


def workbook(*sheets: tuple[str, Iterable[Sequence[Any]]], change: Any = None) -> bytes:
    """An XLSX workbook with these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    if change is not None:
        change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def edited(content: bytes, part: str, edit: Callable[[bytes], bytes]) -> bytes:
    """A workbook with a changed part."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, edit(data) if name == part else data)
    return out.getvalue()


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2]}), out)
    return out.getvalue()


@cache
def _bomb() -> bytes:
    """A workbook of a megabyte that unpacks to a gigabyte."""
    return edited(
        workbook(("Data", [["a"], [1]])),
        "xl/worksheets/sheet1.xml",
        lambda data: data.replace(b"</sheetData>", b" " * (600 << 20) + b"</sheetData>"),
    )


def _merged(book: Any) -> None:
    book["Sales"].merge_cells("A2:A3")


def _titled(book: Any) -> None:
    book["Report"].merge_cells("A1:C1")


def _hide(book: Any) -> None:
    book["Lookup"].sheet_state = "hidden"
    book["Secret"].sheet_state = "veryHidden"


def _error(cell: bytes, error: bytes, content: bytes) -> bytes:
    """The workbook with an error in a cell that has a number."""

    def edit(data: bytes) -> bytes:
        start = data.index(b'<c r="' + cell + b'"')
        end = data.index(b"</c>", start) + 4
        return (
            data[:start]
            + b'<c r="' + cell + b'" t="e"><f>1/0</f><v>' + error + b"</v></c>"
            + data[end:]
        )  # fmt: skip

    return edited(content, "xl/worksheets/sheet1.xml", edit)


def _solved(data: bytes) -> bytes:
    return data.replace(b"<f>B2*2</f><v/>", b"<f>B2*2</f><v>39.98</v>").replace(
        b"<f>B2*2</f><v />", b"<f>B2*2</f><v>39.98</v>"
    )


def _far(sheet: Worksheet) -> None:
    sheet["XFD1048576"] = 1


ORDERS = [["id", "amount"], [1, 19.99], [2, 5]]
NAMES = "id;name\n1;Müller\n2;Zoë\n"
NAMED = [(1, "Müller"), (2, "Zoë")]

CASES = [
    # --- encodings ---------------------------------------------------------------------------------
    Case("utf8.csv", NAMES.encode(), NAMED),
    Case("utf8_mark.csv", NAMES.encode("utf-8-sig"), NAMED),
    Case("utf16_le.csv", b"\xff\xfe" + NAMES.encode("utf-16-le"), NAMED),
    Case("utf16_be.csv", b"\xfe\xff" + NAMES.encode("utf-16-be"), NAMED),
    Case("utf16_plain.csv", NAMES.encode("utf-16-le"), NAMED, options="{encoding: utf-16}"),
    Case("utf16_emoji.tsv", "id\tnote\r\n1\t👍 ok\r\n".encode("utf-16"), [(1, "👍 ok")]),
    Case("utf16_unsaid.csv", NAMES.encode("utf-16-le"), says=["It is probably utf-16: set"]),
    Case("latin1.csv", NAMES.encode("latin-1"), NAMED, options="{encoding: latin-1}"),
    Case(
        "windows.csv",
        "id;price\n1;5 €\n2;“7”\n".encode("cp1252"),
        [(1, "5 €"), (2, "“7”")],
        options="{encoding: windows-1252}",
    ),
    Case(
        "windows_unsaid.csv",
        "id;price\n1;5 €\n".encode("cp1252"),
        says=["isn't UTF-8 (line 2)", "It is probably windows-1252: set this as its encoding"],
        details={"encoding": "windows-1252", "file": "windows_unsaid.csv"},
    ),
    Case(
        "latin_or_windows.csv",
        "id;price\n1;5 €\n".encode("cp1252"),
        says=["isn't in latin-1", "probably windows-1252"],
        options="{encoding: latin-1}",
    ),
    Case(
        "said_windows.csv",
        NAMES.encode(),
        says=["isn't in windows-1252", "probably utf-8"],
        options="{encoding: windows-1252}",
    ),
    Case(
        "late_latin.csv",
        b"id,name\n" + b"1,plain\n" * 30_000 + "2,Zoë\n".encode("latin-1"),
        says=["isn't UTF-8", "windows-1252"],
        sql="select name from {}",
    ),
    Case("windows_json.json", '[{"a": "5 €"}]'.encode("cp1252"), says=["windows-1252"]),
    Case("utf16_json.json", '[{"a": "5 €"}]'.encode("utf-16"), [("5 €",)]),
    Case(
        "windows_gz.csv.gz",
        gzip.compress("id;price\n1;5 €\n".encode("cp1252")),
        [(1, "5 €")],
        options="{encoding: windows-1252}",
    ),
    # --- line ends and shape -----------------------------------------------------------------------
    Case("crlf.csv", b"id,name\r\n1,a\r\n2,b\r\n", [(1, "a"), (2, "b")]),
    Case("no_last_end.csv", b"id,name\n1,a", [(1, "a")]),
    Case("mixed_ends.csv", b"id,name\n1,a\r\n2,b\n", says=["LF and CRLF are mixed"]),
    Case(
        "ragged.csv",
        b"id,name\n1,a\n2\n3,c\n",
        says=["1 value in line 3", "and 2 in others", "set the delimiter"],
        details={"line": 3, "value": "2", "file": "ragged.csv"},
    ),
    Case("ragged_all.csv", b"id,name,sum\n1\n2\n3\n", says=["in line 2", "set the delimiter"]),
    Case("ragged_header.csv", b"a,b,c\n1,2\n3,4,5\n", says=["2 values in line 2", "3 in others"]),
    Case("ragged_long.csv", b"a,b\n1,2\n3,4\n5,6,7\n", says=["3", "2", "set the delimiter"]),
    Case("ragged_late.csv", b"a;b\n" + b"1;2\n" * 30_000 + b"3\n", says=["30002", "1 value"]),
    Case("title.csv", b"Sales 2026\n\nid,name\n1,a\n", [(1, "a")]),
    Case("notes.csv", b"made by, a program\non, Monday\nid,name\n1,a\n", [(1, "a")],
         options="{skip: 2}"),
    Case("no_header.csv", b"a,b\nc,d\n", [("a", "b"), ("c", "d")], options="{header: no}"),
    Case("all_text_header.csv", b"a,b\nc,d\n", [("c", "d")], options="{header: yes}"),
    Case("says_semicolon.csv", b"sep=;\r\nid;name\r\n1;a,b\r\n", [(1, "a,b")]),
    Case("says_tab.csv", "sep=\t\nid\tname\n1\tä\n".encode("utf-16"), [(1, "ä")]),
    Case("no_tabs.tsv", b"id;name\n1;a\n", says=["2 values by “;”", "set the delimiter"]),
    Case("two_encodings.csv", b"id,name\n1,M\xc3\xbcller\n2,M\xfcller\n",
         says=["isn't UTF-8 in line 3", "two encodings"]),
    Case("old_mac.csv", b"id,name\r1,a\r2,b\r", [(1, "a"), (2, "b")]),
    Case("tilde.csv", b"id~name\n1~a\n", [(1, "a")], options='{delimiter: "~"}'),
    Case("single.csv", b"id~name\n'1'~'a~b'\n", [(1, "a~b")],
         options="""{delimiter: "~", quote: "'"}"""),
    Case("inches.csv", b'id,size\n1,5"\n2,"6\n', [(1, '5"'), (2, '"6')], options="{quote: none}"),
    Case("open_quote.csv", b'id,name\n1,"a\n2,b\n', says=["quote", "set the quote"]),
    Case("two_lines.csv", b'id,note\n1,"a\nb"\n2,c\n', [(1, "a\nb"), (2, "c")]),
    Case("huge_cell.csv", b"id,text\n1," + b"x" * 1_000_000 + b"\n", [(1_000_000,)],
         sql="select length(text) from {}"),
    Case("too_huge_cell.csv", b"id,text\n1," + b"x" * 3_000_000 + b"\n",
         says=["2,000,000 bytes", "line 2"]),
    Case("empty.csv", b"", []),
    Case("nul.csv", b"id,name\n1,a\x00b\n", [(1, "a\x00b")]),
    # --- values ------------------------------------------------------------------------------------
    Case(
        "german.csv",
        b"tag;betrag;plz\n31.12.2025;1.234,50;01067\n01.02.2026;-7,05;80331\n",
        [(dt.date(2025, 12, 31), Decimal("1234.50"), "01067"),
         (dt.date(2026, 2, 1), Decimal("-7.05"), "80331")],
        options="""{decimal: ",", date_format: "%d.%m.%Y"}""",
    ),
    Case(
        "american.csv",
        b"day,n\n02/03/2026,1\n",
        [(dt.date(2026, 2, 3), 1)],
        options="""{date_format: "%m/%d/%Y"}""",
    ),
    Case(
        "clock.csv",
        b"at\n03.02.2026 14:30\n",
        [(dt.datetime(2026, 2, 3, 14, 30),)],
        options="""{date_format: "%d.%m.%Y %H:%M"}""",
    ),
    Case(
        "nulls.csv",
        b'id,sum\n1,2.50\n2,n/a\n3,"-"\n4, N/A\n',
        [(1, Decimal("2.50")), (2, None), (3, None), (4, None)],
        options="""{nulls: ["n/a", "N/A", "-"]}""",
    ),
    Case("all_text.csv", b"id,sum\n1,2.50\n", [("1", "2.50")], options="{all_varchar: true}"),
    Case(
        "typed.csv",
        b"id,zip,sum\n7,01067,3\n",
        [("7", "01067", Decimal("3.00"))],
        options="{types: {ID: VARCHAR, sum: 'decimal(10, 2)'}}",
    ),
    Case(
        "bad_type.csv",
        b'id,note,sum\n1,"a\nb",2.50\n\n2,c,n/a\n',
        says=["“n/a” in line 5", "“sum”", "DECIMAL(10,2)", "NULL texts"],
        options="{types: {sum: 'decimal(10, 2)'}}",
        details={"line": 5, "column": "sum", "value": "n/a", "file": "bad_type.csv"},
    ),
    Case(
        "rounded.csv", b"n\n1.5\n", says=["“1.5” in line 2", "BIGINT"],
        options="{types: {n: BIGINT}}",
    ),
    # --- nested, compressed, misnamed --------------------------------------------------------------
    Case(
        "nested.json",
        json.dumps([{"id": 1, "lines": [{"sku": "a", "n": 2}], "home": {"city": "Ulm"}}]).encode(),
        [("a", "Ulm")],
        sql="select lines[1].sku, home.city from {}",
    ),
    Case("marked.json", b'\xef\xbb\xbf[{"id": 1}]', [(1,)]),
    Case("half.json", b'[{"id": 1}, {"id": ', says=["isn't valid JSON"]),
    Case("packed.jsonl.gz", gzip.compress(b'{"id": 1}\n{"id": 2}\n'), [(1,), (2,)]),
    Case("cut.csv.gz", gzip.compress(b"id,name\n1,a\n" * 1000)[:-20], says=["cut off"]),
    Case("really_gz.csv", gzip.compress(b"id\n1\n"), says=["compressed with gzip", "Name it .gz"]),
    Case("not_gz.csv.gz", b"id\n1\n", says=["isn't a gzip file"]),
    Case("really_bz2.csv", bz2.compress(b"id\n1\n"), says=["compressed with bzip2"]),
    Case("really_xz.csv", lzma.compress(b"id\n1\n"), says=["compressed with xz"]),
    Case("really_parquet.csv", _parquet(), says=["a Parquet file", "Name it .parquet"]),
    Case("really_csv.parquet", b"id,name\n1,a\n", says=["isn't a Parquet file"]),
    Case("web_page.csv", b"<!DOCTYPE html><html><table>", says=["a web page"]),
    Case("export.txt", b"id|name\n1|a\n", [(1, "a")], options="{format: csv}"),
    # --- workbooks ---------------------------------------------------------------------------------
    Case("orders.xlsx", workbook(("Orders", ORDERS)), [(1, Decimal("19.99")), (2, Decimal("5.00"))]),
    Case("macros.xlsm", workbook(("Orders", ORDERS)), [(2,)], table="macros",
         sql="select count(*) from {}"),
    Case("by_sheet.xlsx", workbook(("Plan 1", ORDERS), ("Actual", [["x"], ["y"]])), [("y",)],
         table="by_sheet_actual"),
    Case(
        "dates.xlsx",
        workbook((
            "Dates",
            [["day", "at", "clock", "mixed"],
             [dt.date(2026, 1, 31), dt.datetime(2026, 1, 31, 10, 30), dt.time(8, 15), 5],
             [dt.date(1999, 12, 31), dt.datetime(2026, 2, 1), dt.time(23, 59, 59), "five"]],
        )),
        [(dt.date(2026, 1, 31), dt.datetime(2026, 1, 31, 10, 30), dt.time(8, 15), "5"),
         (dt.date(1999, 12, 31), dt.datetime(2026, 2, 1), dt.time(23, 59, 59), "five")],
    ),
    Case(
        "merged.xlsx",
        workbook(("Sales", [["region", "sum"], ["North", 1], [None, 2]]), change=_merged),
        [("North", 1), (None, 2)],
    ),
    Case(
        "report.xlsx",
        workbook(
            ("Report", [["Sales 2026"], [], ["id", "text", "on"], [1, "007", True]]), change=_titled
        ),
        [(1, "007", True)],
    ),
    Case(
        "formulas.xlsx",
        edited(
            workbook(("F", [["n", "price", "twice"], [1, 19.99, "=B2*2"]])),
            "xl/worksheets/sheet1.xml", _solved,
        ),
        [(1, Decimal("19.99"), Decimal("39.98"))],
    ),
    Case(
        "unsolved.xlsx",
        workbook(("F", [["n", "price", "twice"], [1, 19.99, "=B2*2"]])),
        says=["formula without a result in the cell C2", "save it again"],
    ),
    Case("hidden.xlsx",
         workbook(("Data", [["a"], [1]]), ("Lookup", [["b"], [2]]), ("Secret", []), change=_hide),
         [(1,)]),
    Case(
        "error.xlsx",
        _error(b"B3", b"#DIV/0!", workbook(("Orders", ORDERS))),
        says=["#DIV/0! in the cell B3 of the sheet “Orders”", "NULL texts"],
        details={"cell": "B3", "value": "#DIV/0!", "line": 3, "file": "error.xlsx"},
    ),
    Case(
        "error_null.xlsx",
        _error(b"B3", b"#N/A", workbook(("Orders", ORDERS))),
        [(1, Decimal("19.99")), (2, None)],
        options='{nulls: ["#N/A"]}',
    ),
    Case(
        "doubles.xlsx",
        workbook(("D", [["third", "id"], [1 / 3, 12345678901234], [2 / 3, 2]])),
        [(1 / 3, 12345678901234), (2 / 3, 2)],
        sql="select * from {}",
    ),
    Case(
        "texts.xlsx",
        workbook(("T", [["day", "sum"], ["31.12.2025", "1.234,50"]])),
        [(dt.date(2025, 12, 31), Decimal("1234.50"))],
        options="""{decimal: ",", date_format: "%d.%m.%Y"}""",
    ),
    Case(
        "typed_sheet.xlsx",
        workbook(("T", [["id", "sum"], [1, 2.5], [2, "n/a"]])),
        says=["“n/a” in the cell B3 of the sheet “T”", "“sum”", "DECIMAL(10,2)"],
        options="{types: {sum: 'DECIMAL(10,2)'}}",
    ),
    Case(
        "gaps.xlsx",
        workbook(("G", [[], [None, "id", "sum"], [None, 1, 2.5], [], [None, 2, "n/a"]])),
        says=["“n/a” in the cell C5 of the sheet “G”"],
        options="{types: {sum: DOUBLE}}",
    ),
    Case("gaps_read.xlsx", workbook(("G", [[], [None, "id", "x"], [None, 1, "a"], [], [None, 2]])),
         [(1, "a"), (2, None)]),
    Case("no_rows.xlsx", workbook(("Empty", [])), []),
    Case("far.xlsx", workbook(("Far", [["a"], [1]]), change=lambda book: _far(book["Far"])),
         says=["far out", "10,000,000 cells"]),
    Case("bomb.xlsx", _bomb, says=["unpacks to more than 512 MiB"]),
    Case("damaged.xlsx", workbook(("Orders", ORDERS))[:-400], says=["damaged"]),
    Case("plain_text.xlsx", b"id,name\n1,a\n", says=["isn't an Excel workbook", ".csv"],
         table=""),
    Case("old.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), says=["before 2007"]),
]  # fmt: skip
