"""Durations, retries, the order of tasks, and tasks with their expressions evaluated."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from support.task_specs import REGISTRY, CopySpec, HttpSpec, NotebookSpec, SqlSpec

from wb_server.kit.errors import Unprocessable
from wb_server.pipelines.definition import graph, templates
from wb_server.pipelines.definition.fields import Duration, FileName, ParameterName, Sql
from wb_server.pipelines.definition.models import PipelineFile, Retries
from wb_server.pipelines.definition.registry import model_for
from wb_server.pipelines.definition.templates import evaluated

SCOPE: dict[str, Any] = {
    "params": {"d": date(2026, 1, 31), "n": 3, "l": ["a"], "t": "x"},
    "tasks": {"extract": {"outputs": {"rows": 7}}},
    "run": {"id": "r1"},
    "pipeline": {"name": "p"},
}
DURATION = TypeAdapter[timedelta](Duration)


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("30s", 30, "30s"),
        ("10m", 600, "10m"),
        ("1h", 3600, "1h"),
        ("2d", 172_800, "2d"),
        ("1h30m", 5400, "1h30m"),
        ("90m", 5400, "1h30m"),
        ("1d1h1m1s", 90_061, "1d1h1m1s"),
        ("0s", 0, "0s"),
    ],
)
def test_durations_are_parsed_and_printed(text: str, seconds: int, written: str) -> None:
    found = DURATION.validate_python(text)
    assert found == timedelta(seconds=seconds)
    assert DURATION.dump_python(found, mode="json") == written


@pytest.mark.parametrize(
    "text", ["", "5", 5, "m", "1 h", "1h 30m", "30m1h", "-1s", "1.5h", None, "1w"]
)
def test_invalid_durations_are_refused(text: Any) -> None:
    with pytest.raises(ValidationError, match="It must be a duration"):
        DURATION.validate_python(text)


def test_retries_wait_as_configured() -> None:
    same = Retries.model_validate({"count": 3, "delay": "10s"})
    assert [same.wait(failed) for failed in (1, 2, 9)] == [timedelta(seconds=10)] * 3
    growing = Retries.model_validate({"count": 9, "delay": "10m", "backoff": "exponential"})
    minutes = [growing.wait(failed).total_seconds() / 60 for failed in (1, 2, 3, 4, 50)]
    assert minutes == [10, 20, 40, 60, 60]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../x.ipynb",
        "a/../../x",
        "./a",
        "a//b",
        "a\\b",
        "{{ run.id }}",
        "a\nb",
        "a/",
    ],
)
def test_paths_outside_of_the_folder_are_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(FileName).validate_python(path)


def test_a_parameter_needs_a_name_that_a_notebook_can_use() -> None:
    names = TypeAdapter(ParameterName)
    assert names.validate_python("from_date") == "from_date"
    for name in ("from", "class", "None", "Period", "1st", "a-b", ""):
        with pytest.raises(ValidationError):
            names.validate_python(name)


def test_tasks_are_ordered_by_their_needs() -> None:
    needs = {"d": ["b", "c"], "b": ["a"], "c": ["a"], "a": [], "e": ["none"]}
    assert graph.order(needs) == ["a", "e", "b", "c", "d"]
    assert graph.needed(needs, "d") == {"a", "b", "c"}
    assert graph.dependents(needs, ["b"]) == {"d"}
    assert graph.dependents(needs, ["a"]) == {"b", "c", "d"}
    assert graph.cycles(needs) == []


def test_cycles_are_found() -> None:
    needs = {"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"], "x": ["y"], "y": ["x"], "z": []}
    assert graph.cycles(needs) == [["a", "b", "c"], ["x", "y"]]
    with pytest.raises(ValueError, match="cycle"):
        graph.order(needs)
    assert graph.cycles({"a": ["a"]}) == [["a"]]


def test_random_graphs_have_an_order_or_cycles() -> None:
    rng = random.Random(7)
    circular = 0
    for _ in range(300):
        tasks = [f"t{number}" for number in range(rng.randint(1, 12))]
        needs = {task: rng.sample(tasks, min(len(tasks), rng.randint(0, 2))) for task in tasks}
        cycles = graph.cycles(needs)
        for cycle in cycles:
            circular += 1
            for one, other in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
                assert other in needs[one]
        if not cycles:
            placed = graph.order(needs)
            assert sorted(placed) == sorted(tasks)
            for task in tasks:
                assert all(placed.index(other) < placed.index(task) for other in needs[task])
        # There is a cycle exactly when a task needs itself, directly or through others.
        assert bool(cycles) == any(task in graph.needed(needs, task) for task in tasks)
    assert circular > 50


def test_a_pipelines_defaults_apply_to_its_tasks() -> None:
    pipeline = model_for(REGISTRY).model_validate(
        {
            "name": "p",
            "labels": ["a", "b", "a"],
            "run_as": "team:finance",
            "defaults": {"timeout": "10m", "retries": {"count": 2}},
            "tasks": {
                "b": {
                    "type": "http",
                    "url": "https://a.example",
                    "needs": ["a", "a"],
                    "timeout": "5s",
                },
                "a": {"type": "sql", "connection": "c", "statement": "select 1", "retries": {}},
            },
        }
    )
    assert isinstance(pipeline, PipelineFile)
    assert isinstance(pipeline.tasks["b"], HttpSpec)
    assert pipeline.order() == ["a", "b"]
    assert pipeline.labels == ["a", "b"]
    assert pipeline.team == "finance"
    assert pipeline.timeout_of("a") == timedelta(minutes=10)
    assert pipeline.timeout_of("b") == timedelta(seconds=5)
    assert pipeline.retries_of("a").count == 0
    assert pipeline.retries_of("b").count == 2
    # It survives a round trip through JSON.
    again = model_for(REGISTRY).model_validate_json(pipeline.model_dump_json(by_alias=True))
    assert again == pipeline


def test_sql_is_evaluated_into_a_statement_with_parameters() -> None:
    spec = SqlSpec.model_validate(
        {"type": "sql", "connection": "c", "statement": "select {{ params.d }}, {{ params.t }}"}
    )
    assert spec.statement == Sql("select {{ params.d }}, {{ params.t }}")
    ready = evaluated(spec, SCOPE)
    assert ready.statement.text == "select :p1, :p2"
    assert ready.statement.parameters == {"p1": date(2026, 1, 31), "p2": "x"}
    assert ready.connection == "c"
    without = evaluated(SqlSpec(type="sql", connection="c", statement=Sql("select 1")), SCOPE)
    assert without.statement == Sql("select 1", {})


def test_sql_in_nested_parts_with_aliases_is_evaluated() -> None:
    spec = CopySpec.model_validate(
        {
            "type": "copy",
            "from": {"connection": "a", "query": "select {{ params.n }}"},
            "to": {"connection": "b", "table": "t_{{ params.t }}"},
        }
    )
    assert [(each.path, each.kind) for each in templates.of(spec)] == [
        (("from", "query"), "sql"),
        (("to", "table"), "text"),
    ]
    ready = evaluated(spec, SCOPE)
    assert ready.source.query == Sql("select :p1", {"p1": 3})
    assert ready.target.table == "t_x"


def test_values_keep_their_type_in_untyped_fields_and_become_text_in_text_fields() -> None:
    spec = HttpSpec.model_validate(
        {
            "type": "http",
            "description": "{{ not read }}",
            "url": "{{ params.n }}",
            "headers": {"a": "{{ params.n }}", "b": "x{{ run.id }}"},
            "body": {
                "rows": "{{ tasks.extract.outputs.rows }}",
                "l": ["{{ params.l }}", "{{ params.d }}!"],
            },
            "tries": "{{ params.n }}",
        }
    )
    ready = evaluated(spec, SCOPE)
    assert ready.description == "{{ not read }}"
    assert ready.url == "3"
    assert ready.headers == {"a": "3", "b": "xr1"}
    assert ready.body == {"rows": 7, "l": [["a"], "2026-01-31!"]}
    assert ready.tries == 3
    notebook = NotebookSpec.model_validate(
        {"type": "notebook", "notebook": "a.ipynb", "parameters": {"d": "{{ params.d }}"}}
    )
    assert evaluated(notebook, SCOPE).parameters == {"d": date(2026, 1, 31)}


def test_a_value_that_does_not_fit_its_field_is_refused() -> None:
    spec = HttpSpec.model_validate({"type": "http", "url": "x", "tries": "{{ params.l }}"})
    with pytest.raises(Unprocessable, match="tries"):
        evaluated(spec, SCOPE)
