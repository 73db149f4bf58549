"""Altair charts: what a notebook stores of them, without the network."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from support.shell import notebook_of_shell


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    with notebook_of_shell() as notebook:
        yield notebook.shell


def shown(shell: InteractiveShell, code: str) -> dict[str, Any]:
    """The media types that a notebook would get for the last expression."""
    frame = """
import altair as alt, pandas as pd, pyarrow as pa, polars as pl
from decimal import Decimal
from wb_server.client import to_pandas
table = pa.table({"day": pa.array([1, 2], pa.date32()), "kind": ["a", "b"],
                  "amount": pa.array([Decimal("1.50"), None], pa.decimal128(38, 2))})
df = to_pandas(table)
chart = alt.Chart(df).mark_bar().encode(x="day", y="amount", color="kind")
"""
    exec(frame, shell.user_ns)
    formatter = shell.display_formatter
    assert formatter is not None
    data, _ = formatter.format(eval(code, shell.user_ns))
    return data


def test_a_chart_of_decimals_is_vega_lite_5_and_an_image(shell: InteractiveShell) -> None:
    for code in (
        "chart",
        "chart | chart",
        "alt.Chart(pl.from_arrow(table)).mark_bar().encode(x='day', y='amount')",
    ):
        data = shown(shell, code)
        assert set(data) == {"application/vnd.vegalite.v5+json", "image/png", "text/plain"}, code
        spec = data["application/vnd.vegalite.v5+json"]
        assert spec["$schema"] == "https://vega.github.io/schema/vega-lite/v5.json"
        (rows,) = spec["datasets"].values()
        assert [row["amount"] for row in rows] == [1.5, None]
        assert "cdn" not in json.dumps(spec)
        image = data["image/png"]
        assert image[:4] == b"\x89PNG" and struct.unpack(">II", image[16:24]) > (100, 100)


def test_a_chart_of_decimals_can_be_saved(shell: InteractiveShell, tmp_path: Path) -> None:
    shown(shell, "chart")
    for name in ("chart.json", "chart.html", "chart.png"):
        shell.user_ns["chart"].save(tmp_path / name)
    (rows,) = json.loads((tmp_path / "chart.json").read_text())["datasets"].values()
    assert [row["amount"] for row in rows] == [1.5, None]
    assert '"amount": 1.5' in (tmp_path / "chart.html").read_text()
    assert (tmp_path / "chart.png").read_bytes()[:4] == b"\x89PNG"


def test_a_renderer_of_the_users_choice_stays(shell: InteractiveShell) -> None:
    data = shown(shell, "alt.renderers.enable('svg') and chart")
    shell.user_ns["alt"].renderers.enable("default")
    assert "image/svg+xml" in data and "application/vnd.vegalite.v5+json" not in data


def test_data_by_url_is_left_to_the_browser(shell: InteractiveShell) -> None:
    data = shown(shell, "alt.Chart('https://example.invalid/a.json').mark_bar().encode(x='a:N')")
    assert set(data) == {"application/vnd.vegalite.v5+json", "text/plain"}


def test_too_many_rows_are_one_line(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shown(shell, "alt.Chart(pd.DataFrame({'x': range(6000)})).mark_bar().encode(x='x')")
    assert capsys.readouterr().err.startswith("The chart's data has more than 5,000 rows")
