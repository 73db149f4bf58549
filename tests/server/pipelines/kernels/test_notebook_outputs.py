"""A cell's outputs are limited in size: the end is kept, with a note. Each costs the same."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from wb_server.pipelines.kernels.outputs import OVERHEAD, CellOutputs, NotebookOutputs, output_of
from wb_server.pipelines.kernels.printlog import PrintLog
from wb_server.pipelines.kernels.streamtext import StreamText

LIMIT = 100_000


def shown(size: int, letter: str = "x") -> Any:
    """An output of this size."""
    data = {"text/plain": letter * (size - OVERHEAD - len("{}"))}
    node = output_of({"content": {"data": data, "metadata": {}}}, "display_data")
    assert node is not None
    return node


@pytest.fixture
def book() -> NotebookOutputs:
    return NotebookOutputs(5 * LIMIT)


@pytest.fixture
def cell(book: NotebookOutputs) -> CellOutputs:
    return CellOutputs(book, LIMIT, 1000)


def text(nodes: list[Any]) -> str:
    return "".join(node.text for node in nodes if node.output_type == "stream")


def test_pieces_of_a_stream_are_one_output(cell: CellOutputs) -> None:
    for piece in ("a", "b", "c"):
        cell.add_text("stdout", piece)
    cell.add_text("stderr", "!")
    cell.add_text("stdout", "d")
    assert [(node.name, node.text) for node in cell.nodes()] == [
        ("stdout", "abc"),
        ("stderr", "!"),
        ("stdout", "d"),
    ]


def test_the_end_is_kept_with_a_note(cell: CellOutputs, book: NotebookOutputs) -> None:
    for number in range(50_000):
        cell.add_text("stdout", f"line {number}\n")
    note, kept = cell.nodes()
    assert note.name == "stderr"
    assert "dropped" in note.text
    assert len(kept.text) == LIMIT - OVERHEAD
    assert kept.text.endswith("line 49998\nline 49999\n")
    assert book.left == 4 * LIMIT


def test_one_large_piece_is_cut(cell: CellOutputs) -> None:
    cell.add_text("stdout", "ü" * 1_000_000 + "end")
    kept = cell.nodes()[-1].text
    assert kept.endswith("üend")
    assert LIMIT - OVERHEAD - 2 <= len(kept.encode()) <= LIMIT - OVERHEAD


def test_the_oldest_outputs_are_dropped_first(cell: CellOutputs) -> None:
    cell.add(shown(60_000, "a"))
    cell.add_text("stdout", "b" * 30_000)
    cell.add(shown(60_000, "c"))
    note, text_, last = cell.nodes()
    assert "dropped" in note.text
    assert text_.text == "b" * 30_000
    assert last.data["text/plain"][0] == "c"


def test_one_output_over_the_limit_is_left_out(cell: CellOutputs, book: NotebookOutputs) -> None:
    cell.add(shown(LIMIT + 1))
    cell.add_text("stdout", "after")
    assert text(cell.nodes()).endswith("after")
    assert [node.output_type for node in cell.nodes()] == ["stream", "stream"]
    assert book.left == 5 * LIMIT - 5 - OVERHEAD


def test_many_short_outputs_are_limited_too(cell: CellOutputs) -> None:
    for _ in range(10_000):
        cell.add(shown(OVERHEAD + 3))
    assert len(cell.nodes()) < LIMIT / OVERHEAD


def test_all_cells_share_the_notebooks_bytes_but_each_keeps_its_end(
    book: NotebookOutputs,
) -> None:
    cells = [CellOutputs(book, LIMIT, 1000) for _ in range(8)]
    for each in cells:
        each.add_text("stdout", "x" * 90_000)
    kept = [text(each.nodes()).count("x") for each in cells]
    assert kept[:5] == [90_000] * 5
    assert 0 < kept[5] < 90_000
    # Above all, its error.
    assert kept[6:] == [1000 - OVERHEAD] * 2


def test_a_display_is_updated_wherever_it_is_shown(book: NotebookOutputs) -> None:
    first, second = CellOutputs(book, LIMIT), CellOutputs(book, LIMIT)
    first.add(shown(1000, "a"), "bar")
    first.add_text("stdout", "x")
    first.add(shown(1000, "b"), "bar")
    earlier = first.nodes()
    second.add(shown(1000, "c"), "bar")
    book.update("bar", shown(2000, "d"))
    book.update("unknown", shown(2000, "e"))
    displays = [node for node in (*earlier, *second.nodes()) if node.output_type != "stream"]
    assert [node.data["text/plain"][0] for node in displays] == ["d", "d", "d"]
    first.clear()
    second.clear()
    assert first.nodes() == second.nodes() == []
    assert book.displays == {}


def test_dropped_displays_are_forgotten(cell: CellOutputs, book: NotebookOutputs) -> None:
    for number in range(1000):
        cell.add(shown(1000), f"id {number}")
    kept = [node for node in cell.nodes() if node.output_type == "display_data"]
    assert len(book.displays) == len(kept) == 100


# --- progress bars --------------------------------------------------------------------------------


def test_a_progress_bar_leaves_its_last_state(cell: CellOutputs) -> None:
    for percent in range(0, 101, 10):
        cell.add_text("stdout", f"\r{percent} %")
    cell.add_text("stdout", "\ndone\r\n")
    assert cell.nodes()[0].text == "100 %\ndone\r\n"


def test_a_long_progress_bar_takes_no_room(cell: CellOutputs) -> None:
    cell.add_text("stdout", "before\n")
    for step in range(50_000):
        cell.add_text("stdout", f"step {step}\r")
    assert [node.text for node in cell.nodes()] == ["before\nstep 49999\r"]


def test_pieces_are_overwritten_like_the_whole_text() -> None:
    choose = random.Random(5)
    for _ in range(300):
        whole = "".join(choose.choices("ab\r\r\nü", k=choose.randrange(1, 30)))
        made = StreamText("stdout")
        rest = whole
        while rest:
            at = choose.randrange(1, len(rest) + 1)
            made.add(rest[:at])
            rest = rest[at:]
        lines = []
        for line in whole.split("\n"):
            shown_, ends = line.rstrip("\r"), line.endswith("\r")
            lines.append(shown_[shown_.rfind("\r") + 1 :] + ("\r" if ends else ""))
        assert made.text() == "\n".join(lines), repr(whole)
        assert made.size == len(made.text().encode())


@pytest.mark.parametrize(
    "piece",
    ["x", "line\n", "\rstep", "step\r", "\r", "a\rb\n", "x" * 5000 + "\r"],
    ids=["no end", "line", "before", "after", "return", "both", "long"],
)
def test_the_cost_of_a_piece_does_not_grow(
    piece: str, operations: Callable[[Callable[[], None]], int]
) -> None:
    cell = CellOutputs(NotebookOutputs(), 20_000)
    log = PrintLog(lambda text: None, limit=20_000)

    def add() -> None:
        for _ in range(1000):
            cell.add_text("stdout", piece)
            log.add("stdout", piece)

    add()
    first = operations(add)
    for _ in range(8):
        add()
    cell.nodes()
    assert operations(add) <= 1.5 * first + 1000


@pytest.fixture
def operations() -> Callable[[Callable[[], None]], int]:
    """Counts the lines of Python that something executes: the same on a busy machine."""

    def count(work: Callable[[], None]) -> int:
        lines = 0

        def trace(frame: Any, event: str, argument: Any) -> Any:
            nonlocal lines
            lines += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            work()
        finally:
            sys.settrace(before)
        return lines

    return count


# --- the log --------------------------------------------------------------------------------------


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def log(lines: list[str]) -> PrintLog:
    return PrintLog(lambda text: lines.extend(text.split("\n")), limit=1000)


def test_lines_are_logged_as_they_are_finished(log: PrintLog, lines: list[str]) -> None:
    log.begin("Cell 1:")
    assert lines == []
    log.add("stdout", "a\nb")
    assert lines == ["Cell 1:", "a"]
    log.add("stderr", "warning\n")
    log.add("stdout", "c\n\nd")
    assert lines[2:] == ["warning", "bc", ""]
    log.end()
    assert lines[5:] == ["d"]


def test_an_error_comes_after_what_was_printed(log: PrintLog, lines: list[str]) -> None:
    log.begin("Cell 1:")
    log.add("stdout", "unfinished")
    log.error(["\x1b[31mTraceback\x1b[0m", "KeyError: 'eu'"])
    log.end()
    assert lines == ["Cell 1:", "unfinished", "Traceback", "KeyError: 'eu'"]


def test_a_progress_bar_is_one_line_of_the_log(log: PrintLog, lines: list[str]) -> None:
    for percent in range(10_000):
        log.add("stderr", f"\r{percent / 100} %")
    log.add("stderr", "\n")
    assert lines == ["99.99 %"]


def test_a_full_log_says_so_and_still_takes_errors(log: PrintLog, lines: list[str]) -> None:
    for number in range(1000):
        log.add("stdout", f"line {number}\n")
    log.error(["KeyError: 'eu'"])
    assert lines[0] == "line 0"
    assert re.match(r"\[The log has no room", lines[-2])
    assert lines[-1] == "KeyError: 'eu'"
    assert sum(map(len, lines)) < 1200
