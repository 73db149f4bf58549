"""Tables of results: one line a row, and a way to the rest."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from wb_server.client import Client

    from .conftest import Peer

WIDE = pa.table(
    {
        "day": [dt.date(2026, 1, 31)] * 30,
        "note": ["one\ntwo  spaces\n\n" + "long " * 500] * 29 + [None],
        **{f"a_rather_long_heading_of_a_column_{i}": ["x" * 60] * 30 for i in range(12)},
    }
)


def shown(peer: Peer, client: Client) -> tuple[str, str]:
    """The table as HTML and as text."""
    from wb_kernels.display import html_table, text_table

    peer.says("select", WIDE)
    result = client.query("warehouse", "select")
    return html_table(result), text_table(result)


def test_each_row_is_one_line(peer: Peer, client: Client) -> None:
    page, text = shown(peer, client)
    cells = re.findall(r'<td style="([^"]*)"[^>]*>(.*?)</td>', page, re.DOTALL)
    assert len(cells) == 140
    for style, inside in cells:
        assert "white-space:nowrap" in style or "white-space:pre;overflow:hidden" in style
        assert "\n" not in inside
    assert len(text.splitlines()) == 2 + 10 + 2
    assert "one<span" in cells[1][1] and "two  spaces" in cells[1][1]


def test_a_long_value_shows_whole_under_the_pointer(peer: Peer, client: Client) -> None:
    page, _ = shown(peer, client)
    (title,) = set(re.findall(r'<td [^>]*title="(one[^"]*)"', page))
    assert title.startswith("one\ntwo") and len(title) == 1_000
    assert 'title="a_rather_long_heading_of_a_column_1"' in page


def test_the_table_scrolls_instead_of_losing_columns(peer: Peer, client: Client) -> None:
    page, _ = shown(peer, client)
    assert re.match(r'<div class="[^"]*mathjax_ignore" style="overflow-x:auto"><table', page)


def test_the_footer_leads_to_the_rest(peer: Peer, client: Client) -> None:
    page, text = shown(peer, client)
    assert "Showing 10 of 30 rows · warehouse" in page and "All rows: .df()." in page
    assert text.endswith("Showing 10 of 30 rows · warehouse\nAll rows: .df().")
    peer.says("select few", WIDE.slice(0, 3))
    few = client.query("warehouse", "select few")
    from wb_kernels.display import text_table

    assert text_table(few).endswith("3 rows · warehouse")
