"""Files as banks, accounting, shops and spreadsheet programs export them: ``EXPORTS``.

The values are those that a person reads in the file.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from .odd_files import Case, edited, workbook

_UTC = dt.UTC


def _cells(xml: str) -> bytes:
    """A workbook whose sheet has these rows, as they are written."""
    return edited(
        workbook(("S", [["x"]])),
        "xl/worksheets/sheet1.xml",
        lambda data: re.sub(
            rb"<sheetData>.*</sheetData>",
            lambda _: f"<sheetData>{xml}</sheetData>".encode(),
            data,
            flags=re.DOTALL,
        ),
    )


def _column(*cells: str) -> bytes:
    """The same with one column, ``v``, and a cell a row."""
    rows = ['<c r="A1" t="inlineStr"><is><t>v</t></is></c>', *cells]
    return _cells("".join(f'<row r="{n}">{cell}</row>' for n, cell in enumerate(rows, 1)))


def _number(text: str) -> str:
    return f"<c><v>{text}</v></c>"


WIDE = 300
_BANK = (
    '"Konto";"Buchungstag";"Zweck";"Betrag"\r\n"DE02";"31.12.25";"Miete; Dez";"-1.200,00"\r\n'
    '"DE02";"30.12.25";"Gehalt\r\nDez";"3.456,78"\r\n'
)

EXPORTS = [
    # --- banks and accounting ----------------------------------------------------------------------
    Case("bank.csv", _BANK.encode("cp1252"),
         [("DE02", dt.date(2025, 12, 31), "Miete; Dez", Decimal("-1200.00")),
          ("DE02", dt.date(2025, 12, 30), "Gehalt\r\nDez", Decimal("3456.78"))],
         options="""{encoding: windows-1252, decimal: ",", date_format: "%d.%m.%y"}"""),
    Case("bank_unsaid.csv", _BANK.encode(),
         [("DE02", "31.12.25", "Miete; Dez", "-1.200,00"), ("DE02", "30.12.25", "Gehalt\r\nDez", "3.456,78")]),
    Case("bank_preamble.csv", b"Konto;DE02\n\nTag;Text;Betrag\n31.12.2025;a;-1200,00\n",
         says=["2 values in line 1", "number of skipped lines"]),
    Case("bank_skipped.csv", b"Konto;DE02\n\nTag;Text;Betrag\n31.12.2025;a;-1200,00\n",
         [(dt.date(2025, 12, 31), "a", Decimal("-1200.00"))], options="""{decimal: ",", skip: 2}"""),
    Case("trailing_minus.csv", b"konto\tbetrag\n0000470000\t1.234,56-\n0000470001\t12,00 \n",
         [("0000470000", Decimal("-1234.56")), ("0000470001", Decimal("12.00"))],
         options="""{decimal: ",", delimiter: tab}"""),
    Case("swiss.csv", "item;price\na;1'234.50\nb;1’000.00-\n".encode(),
         [("a", Decimal("1234.50")), ("b", Decimal("-1000.00"))], options='{decimal: "."}'),
    Case("american_sums.csv", b'item,price\na,"1,234.50"\nb,12.00\n',
         [("a", Decimal("1234.50")), ("b", Decimal("12.00"))], options='{decimal: "."}'),
    Case("french.csv", "item;prix\na;1\u202f234,50\nb;12,00\n".encode(),
         [("a", Decimal("1234.50")), ("b", Decimal("12.00"))], options='{decimal: ","}'),
    Case("thousands.csv", b"artikel;menge;preis\na;1.000;0,05\nb;20;1,10\n",
         [("a", "1.000", "0,05"), ("b", "20", "1,10")]),
    Case("thousands_set.csv", b"artikel;menge;preis\na;1.000;0,05\nb;20;1,10\n",
         [("a", 1000, Decimal("0.05")), ("b", 20, Decimal("1.10"))], options='{decimal: ","}'),
    Case("three_decimals.csv", b"artikel;menge\na;1.250\nb;20\n",
         [("a", Decimal("1.250")), ("b", Decimal("20.000"))]),
    Case("commas_inside.csv", b"a;b;c\n1,5;2,5;3,5\n4,5;5,5;6,5\n",
         [("1,5", "2,5", "3,5"), ("4,5", "5,5", "6,5")]),
    Case("units.csv", "a,b\n12%,€ 12.50\n7.5%,$1.00\n".encode(), [("12%", "€ 12.50"), ("7.5%", "$1.00")]),
    # --- shapes ------------------------------------------------------------------------------------
    Case("with_total.csv", b"id,amount\n1,10.00\nTotal,10.00\n",
         [("1", Decimal("10.00")), ("Total", Decimal("10.00"))]),
    Case("twice.csv", b"id,Id,name,name\n1,2,a,b\n", [(1, 2, "a", "b")]),
    Case("unnamed.csv", b"id,,,name\n1,2,3,a\n", [(1, 2, 3, "a")]),
    Case("only_header.csv", b"id;name\r\n", []),
    Case("end_delimiter.csv", b"id,name\n1,a,\n2,b,\n", [(1, "a"), (2, "b")]),
    Case("end_value.csv", b"id,name\n1,a,\n2,b,x\n", says=["2 values in line 1", "3 in others"]),
    Case("colons.csv", b"id:name\n1:a\n2:b\n", says=["2 values by “:”", "Set the delimiter"]),
    Case("clocks.csv", b"08:30\n09:30\n", [("08:30",), ("09:30",)]),
    Case("backslash.csv", b'id,name,n\n1,"a \\", b",1\n2,d,2\n', [(1, 'a ", b', 1), (2, "d", 2)]),
    Case("ends_in_quotes.csv", b'id,note\n1,"a\r\nb"\n2,c\n', [(1, "a\r\nb"), (2, "c")]),
    Case("two_records.csv", b"\n\nid,name\n1,a\n\n\n2,b\n\n", [(1, "a"), (2, "b")]),
    Case("wide.csv",
         "\n".join([",".join(f"c{n}" for n in range(WIDE)), ",".join(["007", "1.50", ""] * (WIDE // 3)),
                    ",".join(["x", "2", ""] * (WIDE // 3))]).encode(),
         [("007", Decimal("1.50"), None)], sql="select c0, c298, c299 from {} limit 1"),
    Case("wide_ragged.csv",
         b"\n".join([b",".join(b"c%d" % n for n in range(60)), *[b",".join([b"1"] * 60)] * 30, b"1,2"]),
         says=["wide_ragged.csv", "2", "60"]),
    # --- values ------------------------------------------------------------------------------------
    Case("long_ids.csv", b"id\n12345678901234567890\n12345678901234567891\n",
         [(Decimal(12345678901234567890),), (Decimal(12345678901234567891),)]),
    Case("huge.csv", b"v,w\n1.5E-05,1e400\n2E+10,2\n", [(1.5e-05, "1e400"), (2e10, "2")]),
    Case("huge_double.csv", b"v\n1e400\n", says=["“1e400” in line 2", "DOUBLE"], options="{types: {v: DOUBLE}}"),
    Case("tiny_double.csv", b"v\n1e-400\n", says=["“1e-400” in line 2"], options="{types: {v: DOUBLE}}"),
    Case("said_doubles.csv", b"v\n1e-300\n0e5\ninf\n", [(1e-300,), (0.0,), (float("inf"),)],
         options="{types: {v: DOUBLE}}"),
    Case("midnight.csv", b"t,at\n24:00,2026-01-31 24:00:00\n", [("24:00", "2026-01-31 24:00:00")]),
    Case("midnight_time.csv", b"t\n24:00:00\n", says=["“24:00:00” in line 2", "TIME"],
         options="{types: {t: TIME}}"),
    Case("zones.csv", b"at\n2026-03-29 02:30:00+01:00\n2026-03-29 03:30:00+02:00\n",
         [(dt.datetime(2026, 3, 29, 1, 30, tzinfo=_UTC),)] * 2),
    Case("no_such_day.csv", b"d\n13/05/2026\n31/04/2026\n", [("13/05/2026",), ("31/04/2026",)]),
    Case("words.csv", b"a,b,c\nja,J,NULL\nnein,N,\\N\n", [("ja", "J", "NULL"), ("nein", "N", "\\N")]),
    Case("days.csv", b"d\n20260131\n20260201\n", [(dt.date(2026, 1, 31),), (dt.date(2026, 2, 1),)],
         options='{date_format: "%Y%m%d"}'),
    Case("no_lines.csv", bytes(9_000_000), says=["2,000,000 bytes", "line 1"]),
    Case("joined.csv", "id,name\n1,a\n\ufeff2,b\n".encode(), [("1", "a"), ("\ufeff2", "b")]),
    # --- names that DuckDB would take for patterns -----------------------------------------------
    Case("[ab]x.csv", b"v\n99\n", [(99,)], table="ab_x"),
    Case("a?.csv", b"v\n98\n", [(98,)], table="a"),
    Case("star *.json", b'{"v": 97}', [(97,)], table="star"),
    # --- workbooks, as other programs write them -------------------------------------------------
    Case("id20.xlsx", _column(_number("12345678901234567890"), _number("7")),
         [(Decimal(12345678901234567890),), (Decimal(7),)]),
    Case("id400.xlsx", _column(_number("7" * 400)), [("7" * 400,)]),
    Case("blanks.xlsx", _cells("<row><c><v>1</v></c></row>" + "<f>1</f>" + " " * 400_000), [(1,)]),
    Case("open_tags.xlsx", _cells("<f " * 300_000), says=["damaged"]),
    Case("id16.xlsx", _column(_number("9007199254740993")), [(9007199254740993,)]),
    Case("far_digits.xlsx", _column(_number("1E-14"), _number("123456789012.345")),
         [(Decimal("1E-14"),), (Decimal("123456789012.34500000000000"),)]),
    Case("error_quotes.xlsx", _cells("<row r='1'><c r='A1'><v>1</v></c></row><row r='2'><c r='A2' t='e'><v>#REF!"
         "</v></c></row>"), says=["#REF! in the cell A2"]),
    Case("error_unplaced.xlsx", _cells('<row><c><v>1</v></c></row><row><c><v>2</v></c><c t="e"><v>#N/A</v></c>'
         "</row>"), says=["#N/A in the cell B2"]),
    Case("error_bare.xlsx", _column('<c r="A2" t="e"><v/></c>', _number("5")), says=["in the cell A2"]),
    Case("unsolved_quotes.xlsx", _column("<c r='A2'><f>1+1</f><v></v></c>"), says=["without a result in the cell A2"]),
    Case("far_quotes.xlsx", _cells("<row><c r='XFD1048576'><v>1</v></c></row>"), says=["10,000,000 cells"]),
    Case("broken_cells.xlsx", _column('<c r="A2" t="e"><v>#REF!</v></d>'), says=["damaged"]),
    Case("iso.xlsx", _column('<c r="A2" t="d"><v>2026-01-31T10:00:00</v></c>'), [(dt.datetime(2026, 1, 31, 10),)]),
]  # fmt: skip
