"""Problems of a task that reads another task's artifact, and their positions."""

from __future__ import annotations

import pytest

from wb_server.pipelines.definition.check import check
from wb_server.pipelines.tasks import TYPES

REGISTRY = {each.name: each.Spec for each in TYPES}
FILE = """\
name: p
tasks:
  extract: {type: sql, connection: c, statement: select 1, into: {artifact: rows.parquet}}
  notes: {type: notebook, notebook: n.ipynb, needs: [extract]}
  apart: {type: notebook, notebook: n.ipynb}
  call: {type: http, url: "https://a.example/"}
  load:
    type: copy
    needs: [notes, call]
    from: FROM
    to: {connection: c, table: t}
"""


@pytest.mark.parametrize("source", [
    "{artifact: extract.rows.parquet}",  # needed through another
    "{artifact: notes.whatever.parquet}",  # known only in a run
    "{connection: c, query: 'select {{ run.date }}'}",
])  # fmt: skip
def test_rows_come_from_an_artifact_or_a_query(source: str) -> None:
    assert check(FILE.replace("FROM", source), REGISTRY).problems == []


@pytest.mark.parametrize(("source", "column", "code", "words"), [
    ("{artifact: extract.rows}", 22, "unknown_artifact", "It makes rows.parquet."),
    ("{artifact: call.rows}", 22, "unknown_artifact", "It makes none."),
    ("{artifact: apart.x.parquet}", 22, "not_needed", "Add it to needs."),
    ("{artifact: extrakt.rows.parquet}", 22, "unknown_name", "extract"),
    ("{artifact: rows}", 22, "bad_value", "extract.sales.parquet"),
    ("{artifact: extract.rows.parquet, connection: c}", 11, "bad_value", "either an artifact"),
    ("{artifact: extract.rows.parquet, query: select 1}", 11, "bad_value", "either an artifact"),
    ("{}", 11, "bad_value", "either an artifact"),
    ("{query: select 1}", 5, "missing", "connection is missing"),
    ("{connection: c}", 5, "missing", "query is missing"),
    ("{artifact: extract.rows.parquet, mode: append}", 44, "unknown_key", "mode"),
])  # fmt: skip
def test_problems_of_a_source(source: str, column: int, code: str, words: str) -> None:
    (problem,) = check(FILE.replace("FROM", source), REGISTRY).problems
    assert (problem.line, problem.column, problem.code) == (10, column, code)
    assert problem.path[:3] == ("tasks", "load", "from")
    assert words in problem.message


def test_an_artifact_is_known_before_a_run() -> None:
    """Expressions can't name it."""
    text = FILE.replace("FROM", "{artifact: 'extract.{{ run.date }}'}")
    (problem,) = check(text, REGISTRY).problems
    assert (problem.line, problem.code) == (10, "bad_value")
