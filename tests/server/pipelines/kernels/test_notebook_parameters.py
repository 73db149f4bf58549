"""The cell with a task's parameters: Python reads the values that were given."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from wb_server.pipelines.kernels.assignments import assigned_later
from wb_server.pipelines.kernels.parameters import inject, source
from wb_server.pipelines.tasks.base import TaskFailed

VALUES: dict[str, Any] = {
    "nothing": None,
    "yes": True,
    "number": -12,
    "large": 10**40,
    "share": 0.1,
    "plain": "eu",
    "quotes": "it's \"so\" \\ '''x''' {{ y }} %s",
    "lines": "a\nb\r\n\tc\x00",
    "letters": "Größe 漢字 \U0001f600 \u2028",
    "day": date(2026, 7, 1),
    "moment": datetime(2026, 7, 1, 6, 30, 1, 5, tzinfo=UTC),
    "amount": Decimal("1234567890.12345678901234567890"),
    "some": [1, "a", None, date(2026, 1, 1), [2.5]],
    "none_of_them": [],
    "pairs": {"a": {"b": [True]}, "it's": date(2026, 1, 31), "": None},
}


def read(text: str, **names: Any) -> dict[str, Any]:
    space = dict(names)
    exec(compile(text, "cell", "exec"), space)
    return space


def test_python_reads_the_given_values() -> None:
    space = read(source(VALUES))
    assert {name: space[name] for name in VALUES} == VALUES
    assert [type(space[name]) for name in VALUES] == [type(value) for value in VALUES.values()]


def test_infinity_and_nan_can_be_given() -> None:
    space = read(source({"inf": math.inf, "less": -math.inf, "nan": math.nan}))
    assert (space["inf"], space["less"]) == (math.inf, -math.inf)
    assert math.isnan(space["nan"])


def test_the_notebooks_own_names_are_kept() -> None:
    space = read(source({"day": date(2026, 1, 1)}), datetime="mine", decimal="mine")
    assert (space["datetime"], space["decimal"]) == ("mine", "mine")


@pytest.mark.parametrize("name", ["class", "a b", "1a", "a;import os", "", "a=1\nb"])
def test_a_name_cannot_be_code(name: str) -> None:
    with pytest.raises(TaskFailed) as raised:
        source({name: 1})
    assert (raised.value.code, raised.value.retry) == ("bad_parameter", False)


@pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}])
def test_an_unsupported_value_is_refused(value: Any) -> None:
    with pytest.raises(TaskFailed) as raised:
        source({"x": [value]})
    assert raised.value.code == "bad_parameter"


def test_a_recursive_value_is_refused() -> None:
    deep: list[Any] = []
    deep.append(deep)
    with pytest.raises(TaskFailed):
        source({"x": deep})


def tags(book: Any) -> list[list[str]]:
    return [cell.metadata.get("tags", []) for cell in book.cells]


def test_the_cell_is_inserted_after_the_tagged_one() -> None:
    book = new_notebook(
        cells=[
            new_code_cell("import os"),
            new_code_cell("period = 1", metadata={"tags": ["parameters"]}),
            new_code_cell("print(period)"),
        ]
    )
    inject(book, {"period": 2})
    assert tags(book) == [[], ["parameters"], ["injected-parameters"], []]
    assert read("\n".join(cell.source for cell in book.cells[:3]))["period"] == 2
    inject(book, {"period": 3})
    assert len(book.cells) == 4
    assert book.cells[2].source.endswith("period = 3")


def test_without_a_tagged_cell_it_is_inserted_first() -> None:
    book = new_notebook(cells=[new_code_cell("print(period)")])
    inject(book, {"period": 2})
    assert tags(book) == [["injected-parameters"], []]


@pytest.mark.parametrize(
    "source",
    [
        "period = 2",
        "period: int = 2",
        "other, period = 1, 2",
        "for period in range(3): pass",
        "with open('x') as period: pass",
        "import datetime as period",
        "def period(): pass",
        "if True:\n    period = 2",
        "!ls\nperiod = 2\n%time x = 1",
        "period = !date",
        "(period := 2)",
    ],
)
def test_an_assignment_to_a_parameter_is_found(source: str) -> None:
    cells = ["1", "period = 1", source, "period = 4"]
    book = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    (warning,) = assigned_later(book, 1, {"period": 1, "region": "eu"})
    assert warning.startswith("Warning: cell 3 assigns period")


@pytest.mark.parametrize(
    "source",
    [
        "period = period + 1",
        "period += 1",
        "if period is None:\n    period = 2",
        "try:\n    period\nexcept NameError:\n    period = 2",
        "def f():\n    period = 2",
        "frame.period = 2",
        "frame['period'] = 2",
        "f(period=2)",
        "%%sql period <<\nperiod = 2",
        "this isn't Python: period = 2",
        "periods = 2",
    ],
)
def test_other_uses_of_a_parameter_are_not_reported(source: str) -> None:
    book = new_notebook(cells=[new_code_cell("period = 1"), new_code_cell(source)])
    assert list(assigned_later(book, 0, {"period": 1})) == []
