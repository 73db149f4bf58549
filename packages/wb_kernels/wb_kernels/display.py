"""How a result is displayed in a notebook: a short table with exact numbers and a footer."""

from __future__ import annotations

import html

import pyarrow as pa

from wb_server.client import Result, python_values
from wb_server.client.texts import MOST_CHARACTERS, interval_text, plain

ROWS = 10
MOST_ROWS = 1_000  # a page with more than this is hardly usable
MOST_IN_TEXT = 80  # of a cell in a table of plain text
MOST_OF_A_HINT = 1_000
MOST_OF_A_PLAN = 50_000
_NULL = '<span style="opacity:0.65;font-style:italic">NULL</span>'
_BREAK = '<span style="opacity:0.65">↵</span>'
# Values aren't formulas: these classes keep MathJax, of JupyterLab and others, from $5 to $9.
_AS_IS = "tex2jax_ignore mathjax_ignore"
_AMBER = "color:var(--jp-warn-color0, #b26a00)"
_LINES = "font-family:monospace;white-space:pre"
# One line a row: the table scrolls sideways, and longer values show in full under the pointer.
_NUMBER = "text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums"
_MOMENT = "text-align:left;white-space:nowrap;font-variant-numeric:tabular-nums"
_TEXT = "text-align:left;white-space:pre;overflow:hidden;text-overflow:ellipsis;max-width:{}ch"
_WIDTH = 100  # characters for all columns of text together


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _is_plan(table: pa.Table) -> bool:
    """Whether it looks like a result of EXPLAIN, by the name that the server gives its column."""
    return bool(table.column_names) and table.column_names[-1] in (
        "QUERY PLAN", "explain_value", "EXPLAIN", "ANALYZE",
    )  # fmt: skip


def _shown(
    result: Result, limit: int, most: int
) -> tuple[list[str], list[bool], list[list[str | None]]]:
    """Headings, which columns are numbers, and the cells of the first rows; None is NULL."""
    table = result.arrow()
    # PostgreSQL's text plan has a row per line; DuckDB's, MySQL's and JSON plans are one multi-line cell.
    is_plan = _is_plan(table)
    count = min(limit if limit and not is_plan else MOST_ROWS, MOST_ROWS, table.num_rows)
    columns: list[list[str | None]] = []
    for column in table.slice(0, count).columns:
        values = python_values(column, interval_text)
        longest = MOST_OF_A_PLAN if is_plan else most
        columns.append([None if value is None else plain(value, longest) for value in values])
    rows = [list(row) for row in zip(*columns, strict=True)]
    return table.column_names, [_is_number(field.type) for field in table.schema], rows


def rows_affected(result: Result) -> int | None:
    """The count that a write statement returned; None for a result of rows."""
    if result.provenance.get("kind") == "write" and result.columns == ["rows_affected"]:
        counts = result.arrow().column(0)
        return int(counts[0].as_py()) if len(counts) else 0
    return None


def truncation(result: Result) -> str:
    """One sentence if the row limit truncated the result, else nothing."""
    if not result.truncated:
        return ""
    limit = result.provenance.get("row_limit") or result.rows
    return f"The answer stops at the row limit of {limit:,} rows; the source has more."


def outcome(result: Result) -> str | None:
    """One line for a statement without rows: ``5 rows affected.``; None for a result of rows."""
    if result.provenance.get("kind") == "command":
        return "Done."
    count = rows_affected(result)
    if count is None:
        return None
    return "1 row affected." if count == 1 else f"{count:,} rows affected."


def seconds(elapsed: float) -> str:
    """A duration as people read it: ``0.42 s``, ``12 s``, ``2 min 5 s``."""
    if elapsed < 0.995:
        return f"{max(elapsed, 0.01):.2f} s"
    if elapsed < 9.95:
        return f"{elapsed:.1f} s"
    minutes, rest = divmod(round(elapsed), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def size(result: Result) -> str:
    """``1,234 rows`` or ``1 row``."""
    return "1 row" if result.rows == 1 else f"{result.rows:,} rows"


def footer(result: Result, shown: int) -> str:
    """``Showing 10 of 1,234 rows``, with the connection's name."""
    text = f"Showing {shown:,} of {size(result)}" if shown < result.rows else size(result)
    where = result.provenance.get("connection")
    return f"{text} · {where}" if where else text


def _rest(result: Result, shown: int, more: str) -> str:
    """How to get the rows that aren't shown; nothing if all are."""
    return f"All rows: {more}." if shown < result.rows and more else ""


def html_table(result: Result, limit: int = ROWS, more: str = ".df()") -> str:
    """The first rows as an HTML table; all values from the database are escaped.

    Args:
        limit: how many rows; 0 for the most that a page can hold.
        more: how the user gets all rows, for the line under the table.
    """
    if done := outcome(result):
        return f"<p>{done}</p>"
    heads, numbers, rows = _shown(result, limit, MOST_OF_A_HINT)
    styles = _styles(result.arrow(), numbers)
    head = "".join(
        f'<th style="{style}"{_hint(name)}>{html.escape(name)}</th>'
        for name, style in zip(heads, styles, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(_cell(cell, style) for cell, style in zip(row, styles, strict=True))
        + "</tr>"
        for row in rows
    )
    lines = [f"<small>{html.escape(footer(result, len(rows)))}</small>"]
    if rest := _rest(result, len(rows), more):
        lines[0] += f'<small style="opacity:0.75"> · {html.escape(rest)}</small>'
    if cut := truncation(result):
        lines.append(f'<span style="{_AMBER}">{html.escape(cut)}</span>')
    return (
        f'<div class="{_AS_IS}" style="overflow-x:auto"><table style="margin-left:0"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div><p>{'<br>'.join(lines)}</p>"
    )


def _styles(table: pa.Table, numbers: list[bool]) -> list[str]:
    """The style of each column's cells."""
    short = [
        number or pa.types.is_temporal(field.type) or pa.types.is_boolean(field.type)
        for number, field in zip(numbers, table.schema, strict=True)
    ]
    width = max(20, _WIDTH // max(1, short.count(False)))
    text = f"text-align:left;{_LINES}" if _is_plan(table) else _TEXT.format(width)
    return [
        (_NUMBER if number else _MOMENT) if is_short else text
        for number, is_short in zip(numbers, short, strict=True)
    ]


def _cell(value: str | None, style: str) -> str:
    if value is None:
        return f'<td style="{style}">{_NULL}</td>'
    if _LINES in style:
        return f'<td style="{style}">{html.escape(value)}</td>'
    lines = "\n".join(value.splitlines())
    shown = lines if len(lines) <= MOST_CHARACTERS else lines[: MOST_CHARACTERS - 1] + "…"
    line = html.escape(shown).replace("\n", _BREAK)
    return f'<td style="{style}"{_hint(value)}>{line}</td>'


def _hint(value: str) -> str:
    """The whole value, shown under the pointer, if the cell may show a part of it."""
    if len(value) <= 30 and "\n" not in value:
        return ""
    return f' title="{html.escape(value)}"'


def text_table(result: Result, limit: int = ROWS, more: str = ".df()") -> str:
    """The first rows as plain text, for terminals and logs.

    Args:
        limit: how many rows; 0 for the most that a page can hold.
        more: how the user gets all rows, for the line under the table.
    """
    if done := outcome(result):
        return done
    heads, numbers, found = _shown(result, limit, MOST_IN_TEXT)
    if _is_plan(result.arrow()) and len(heads) <= 2:
        drawn = "\n".join(row[-1] or "" for row in found)
        return f"{heads[-1]}\n{drawn}\n{footer(result, len(found))}"
    rows = [["NULL" if cell is None else " ".join(cell.split()) for cell in row] for row in found]
    widths = [max([len(head), *(len(row[i]) for row in rows)]) for i, head in enumerate(heads)]

    def line(cells: list[str]) -> str:
        padded = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(cells, widths, numbers, strict=True)
        )
        return "  ".join(padded).rstrip()

    lines = [line(heads), "  ".join("-" * width for width in widths), *map(line, rows)]
    lines.append(footer(result, len(rows)))
    lines += [each for each in (_rest(result, len(rows), more), truncation(result)) if each]
    return "\n".join(lines)
