"""``wb.output``: the values that a notebook may output."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import wb
from wb_kernels import outputs


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Captures what would be displayed in a notebook."""
    taken: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: taken.append(data))
    return taken


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (3, 3),
        ("Größe", "Größe"),
        (date(2026, 7, 1), "2026-07-01"),
        (datetime(2026, 7, 1, 6, tzinfo=UTC), "2026-07-01T06:00:00+00:00"),
        (Decimal("1.10"), "1.10"),
        ((1, [2.5], {"a": None}), [1, [2.5], {"a": None}]),
        ({1: "x"}, {"1": "x"}),
        (np.int64(7), 7),
        (np.float64(0.5), 0.5),
        (np.bool_(True), True),
        (pd.Timestamp("2026-07-01"), "2026-07-01T00:00:00"),
        (pd.Series([1, 2]).sum(), 3),
        (np.datetime64("2026-07-01T06:00", "ns"), "2026-07-01T06:00:00"),
    ],
)
def test_values_become_json(shown: list[dict[str, Any]], value: Any, plain: Any) -> None:
    wb.output("x", value)
    assert shown[0][outputs.MEDIA_TYPE] == {"name": "x", "value": plain}
    assert shown[0]["text/plain"].startswith("x = ")


@pytest.mark.parametrize(
    ("name", "value", "kind", "message"),
    [
        ("a b", 1, ValueError, "isn't a valid output name"),
        ("", 1, ValueError, "isn't a valid output name"),
        ("x" * 64, 1, ValueError, "isn't a valid output name"),
        ("x", object(), TypeError, "is a object"),
        ("x", [{1, 2}], TypeError, "is a set"),
        ("x", pd.DataFrame({"a": [1]}), TypeError, "is a DataFrame"),
        ("x", np.arange(3), TypeError, "is a ndarray"),
        ("x", float("nan"), TypeError, "JSON doesn't have"),
        ("x", pd.NaT, TypeError, "use None"),
        ("x", "y" * 70_000, ValueError, "limit is 64"),
    ],
)
def test_invalid_outputs_are_refused(
    shown: list[dict[str, Any]], name: str, value: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        wb.output(name, value)
    assert shown == []


def test_kernel_and_server_agree_on_the_media_type() -> None:
    from wb_server.pipelines.kernels.outputs import OUTPUT

    assert OUTPUT == outputs.MEDIA_TYPE
