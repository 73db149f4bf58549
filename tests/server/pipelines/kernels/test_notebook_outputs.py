"""A cell's outputs are limited in size: the end is kept, with a note."""

from __future__ import annotations

from typing import Any

import pytest
from nbformat.v4 import new_output

from wb_server.pipelines.kernels.outputs import CellOutputs, OutputBudget

LIMIT = 1000


def stream(text: str, name: str = "stdout") -> Any:
    return new_output("stream", name=name, text=text)


def shown(size: int, letter: str = "x") -> Any:
    return new_output("display_data", data={"text/plain": letter * size})


@pytest.fixture
def budget() -> OutputBudget:
    return OutputBudget(5 * LIMIT)


@pytest.fixture
def cell(budget: OutputBudget) -> CellOutputs:
    return CellOutputs(budget, LIMIT)


def text(nodes: list[Any]) -> str:
    return "".join(node.text for node in nodes if node.output_type == "stream")


def test_pieces_of_a_stream_are_one_output(cell: CellOutputs) -> None:
    for piece in ("a", "b", "c"):
        cell.add(stream(piece))
    cell.add(stream("!", "stderr"))
    cell.add(stream("d"))
    assert [(node.name, node.text) for node in cell.nodes()] == [
        ("stdout", "abc"),
        ("stderr", "!"),
        ("stdout", "d"),
    ]


def test_the_end_is_kept_with_a_note(cell: CellOutputs, budget: OutputBudget) -> None:
    for number in range(10_000):
        cell.add(stream(f"line {number}\n"))
    note, kept = cell.nodes()
    assert note.name == "stderr"
    assert "dropped" in note.text
    assert len(kept.text) == LIMIT
    assert kept.text.endswith("line 9998\nline 9999\n")
    assert budget.left == 4 * LIMIT


def test_one_large_piece_is_cut(cell: CellOutputs) -> None:
    cell.add(stream("ü" * 100_000 + "end"))
    kept = cell.nodes()[-1].text
    assert kept.endswith("üend")
    assert LIMIT - 2 <= len(kept.encode()) <= LIMIT


def test_the_oldest_outputs_are_dropped_first(cell: CellOutputs) -> None:
    cell.add(shown(600, "a"))
    cell.add(stream("b" * 300))
    cell.add(shown(600, "c"))
    note, text_, last = cell.nodes()
    assert "dropped" in note.text
    assert text_.text == "b" * 300
    assert last.data["text/plain"] == "c" * 600


def test_one_output_over_the_limit_is_left_out(cell: CellOutputs, budget: OutputBudget) -> None:
    cell.add(shown(LIMIT + 1))
    cell.add(stream("after"))
    assert text(cell.nodes()).endswith("after")
    assert [node.output_type for node in cell.nodes()] == ["stream", "stream"]
    assert budget.left == 5 * LIMIT - 5


def test_all_cells_share_the_notebooks_budget(budget: OutputBudget) -> None:
    cells = [CellOutputs(budget, LIMIT) for _ in range(8)]
    for each in cells:
        each.add(stream("x" * 900))
    kept = [text(each.nodes()).count("x") for each in cells]
    assert kept == [900] * 5 + [500, 0, 0]
    assert budget.left == 0


def test_a_display_is_updated_in_place(cell: CellOutputs, budget: OutputBudget) -> None:
    cell.add(shown(10, "a"), "bar")
    cell.add(stream("x"))
    cell.update("bar", shown(20, "b"))
    cell.update("unknown", shown(20, "c"))
    assert cell.nodes()[0].data["text/plain"] == "b" * 20
    assert len(cell.nodes()) == 2
    cell.clear()
    assert cell.nodes() == []
    assert budget.left == 5 * LIMIT


def test_a_progress_bar_leaves_its_last_state(cell: CellOutputs) -> None:
    for percent in range(0, 101, 10):
        cell.add(stream(f"\r{percent} %"))
    cell.add(stream("\ndone\r\n"))
    assert cell.nodes()[0].text == "100 %\ndone\r\n"
