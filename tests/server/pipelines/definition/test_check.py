"""Checking a pipeline file: all its problems at once, with their positions."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import pytest
from support.task_specs import REGISTRY, HttpSpec, World

from wb_server.kit.errors import InvalidInput
from wb_server.pipelines.definition.check import OUTSIDE, Checked, check, load
from wb_server.pipelines.definition.problems import Problem
from wb_server.pipelines.definition.uses import CheckContext, TaskProblem

GOOD = """\
# A comment stays where it is.
name: nightly_sales
description: Sales of the month before
labels: [sales, nightly]
parameters:
  period:
    type: date
    default: "{{ run.date | first_of_month(-1) }}"
    description: The month to load
  region: {type: choice, choices: [eu, us], default: eu}
defaults:
  retries: {count: 2, delay: 30s, backoff: exponential}
  timeout: 1h
schedule: {cron: "0 6 * * 1-5", timezone: Europe/Vienna, catch_up: latest, paused: false}
concurrency: queue
sla: 2h
run_as: team:finance
tasks:
  extract:
    type: sql
    connection: warehouse
    statement: |
      select *
      from orders -- {{ not.read }}
      where day >= {{ params.period }}
        and region = {{ params.region | upper }}
    into: {artifact: sales}
  transform:
    type: notebook
    needs: [extract]
    notebook: transform.ipynb
    parameters: {period: "{{ params.period }}"}
  load:
    type: copy
    needs: [transform]
    from: {connection: source, query: "select 1"}
    to: {connection: warehouse, table: s.t, mode: replace}
  notify:
    type: http
    needs: [load]
    url: "https://hooks.example/{{ run.id }}"
    body: {rows: "{{ tasks.extract.outputs.rows }}", late: no}
    timeout: 30s
"""


def checked(text: str) -> Checked:
    return check(text, REGISTRY, World())


def found(text: str) -> list[tuple[int, int, str]]:
    return [(item.line, item.column, item.code) for item in checked(text).problems]


def test_a_good_file_has_no_problems() -> None:
    answer = checked(GOOD)
    assert answer.problems == []
    assert answer.ok
    assert answer.definition is not None
    assert answer.definition.order() == ["extract", "transform", "load", "notify"]
    assert load(GOOD, REGISTRY) == answer.definition
    assert check(GOOD.encode(), REGISTRY).definition == answer.definition


# A text, what replaces it, and the resulting problem: line, column, code, words of the message.
MISTAKES: list[tuple[str, str, int, int, str, str]] = [
    # Keys and types
    ("name: nightly_sales\n", "", 2, 1, "missing", "name"),
    ("nightly_sales", "Nightly Sales", 2, 7, "bad_value", "lower-case"),
    ("nightly_sales", "12", 2, 7, "wrong_type", "quotes"),
    ("concurrency: queue", "concurency: queue", 15, 1, "unknown_key", "did you mean concurrency"),
    ("concurrency: queue", "concurrency: wait", 15, 14, "bad_value", "'cancel_older'"),
    ("sla: 2h", "sla: 2", 16, 6, "bad_duration", "30s"),
    ("sla: 2h", "sla: 99d", 16, 6, "bad_duration", "30d"),
    ("labels: [sales", "labels: [Sales!", 4, 10, "bad_value", "label"),
    ("team:finance", "finance", 17, 9, "bad_value", "team:<group>"),
    ("count: 2", "count: two", 12, 20, "wrong_type", "whole number"),
    ("count: 2", "count: 21", 12, 20, "bad_value", "at most 20"),
    ("count: 2", "cuont: 2", 12, 13, "unknown_key", "did you mean count"),
    ("delay: 30s", "delay: 2h", 12, 30, "bad_duration", "1h"),
    ("paused: false", "paused: no", 14, 84, "wrong_type", "true or false"),
    ("  timeout: 1h", "  timeout: 8d", 13, 12, "bad_duration", "7d"),
    ("tasks:\n", "tasks: {}\nold:\n", 18, 8, "bad_value", "at least one"),
    # Parameters
    ("default: eu", "default: asia", 10, 54, "bad_value", "eu, us"),
    ("type: choice", "type: choise", 10, 18, "bad_value", "did you mean choice"),
    ("type: choice, ", "", 10, 3, "missing", "type"),
    ("choices: [eu, us]", "choices: [1, 2]", 10, 36, "wrong_type", "quotes"),
    (", default: eu", "", 10, 3, "required_parameter", "default"),
    ("  region:", "  class:", 10, 3, "bad_name", "Python"),
    ("  region:", "  Region:", 10, 3, "bad_name", "lower-case"),
    ("run.date | first_of_month(-1)", "run.id", 8, 14, "bad_value", "a date"),
    ("run.date | first_of_month(-1)", "params.region", 8, 18, "unknown_name", "run.…"),
    ("run.date | first_of_month(-1)", "run.dat", 8, 18, "unknown_name", "run.date"),
    # Schedule
    ("0 6 * * 1-5", "0 26 * * 1-5", 14, 18, "bad_cron", "'26' isn't valid as the hour"),
    ("0 6 * * 1-5", "@dayly", 14, 18, "bad_cron", "@daily"),
    ("Europe/Vienna", "Europe/Wien", 14, 43, "bad_zone", "Europe/Vienna"),
    # Tasks
    ("type: notebook", "type: notbook", 29, 11, "unknown_task_type", "did you mean notebook"),
    ("type: notebook\n", "typ: notebook\n", 28, 3, "missing", "type"),
    ("into: {artifact", "into: {artefact", 27, 5, "missing", "connection"),
    ("mode: replace", "mode: swap", 37, 51, "bad_value", "'replace'"),
    ("notebook: transform.ipynb", "notebook: ../t.ipynb", 31, 15, "bad_path", "below the folder"),
    ("connection: warehouse\n", "connection: '{{ params.region }}'\n", 21, 17, "bad_value", "name"),
    # Needs
    ("needs: [load]", "needs: [lod]", 40, 13, "unknown_need", "did you mean load"),
    ("needs: [load]", "needs: [notify]", 40, 13, "cycle", "itself"),
    ("needs: [extract]", "needs: [load]", 30, 13, "cycle", "transform → load → transform"),
    # Expressions
    ("params.region |", "params.regoin |", 26, 25, "unknown_name", "did you mean region"),
    ("upper }}", "uper }}", 26, 41, "unknown_filter", "did you mean upper"),
    ("{{ params.region | upper }}", "'{{ params.region }}'", 26, 23, "expression_in_quotes", "||"),
    ("{{ params.region | upper }}", "x_{{ params.region }}", 26, 24, "expression_in_name", "table"),
    ("{{ params.region | upper }}", "{{ params.region", 26, 22, "expression", "closed"),
    ("run.id }}", "run.uid }}", 41, 36, "unknown_name", "run.id"),
    ("outputs.rows", "outputs.sum", 42, 22, "unknown_name", "rows"),
    ("outputs.rows", "rows", 42, 22, "unknown_name", "outputs"),
    ("tasks.extract.", "tasks.extrakt.", 42, 22, "unknown_name", "did you mean extract"),
    ("needs: [transform]", "needs: []", 42, 22, "not_needed", "Add it to needs"),
    # Connections, files and accounts
    ("connection: warehouse\n", "connection: wherehouse\n", 21, 17, "connection", "no connection"),
    ("to: {connection: warehouse", "to: {connection: source", 37, 22, "connection", "not write"),
    ("select *\n", "select forbidden\n", 23, 14, "statement", "with 2 parameters"),
    ("{{ params.region | upper }}", "{{ params.region }} + forbidden", 26, 44, "statement", "with 2"),
    # What only a template engine would understand
    ("where day >=", "{% if x %} where day >=", 25, 7, "template_tag", "{% if x %} has no meaning"),
    ("where day >=", "-- {% if x %}\n      {%- endif -%} where day >=", 26, 7, "template_tag", "tasks"),
    ("run.id }}", "run.id }}{% for a in b %}", 41, 45, "template_tag", "{% for"),
    ("notebook: transform.ipynb", "notebook: tranform.ipynb", 31, 15, "missing_file", "did you mean"),
    ("notebook: transform.ipynb", "notebook: notes.txt", 31, 15, "bad_file", ".ipynb"),
    ("team:finance", "team:sales", 17, 9, "run_as", "no member"),
    # YAML
    ("sla: 2h", "sla: 2h\nsla: 3h", 17, 1, "duplicate_key", "twice"),
    ("sla: 2h", "sla: !!timedelta 2h", 16, 6, "tag", "Tags"),
    # … inside a block of text, and quotes that aren't closed
    ("      from orders", "   from orders", 24, 4, "yaml", "less than the text that begins in line 23"),
    ("      from orders", "from orders", 24, 1, "yaml", "less than the text that begins in line 23"),
    ("      from orders", "    , 1 as b\n      from orders", 24, 5, "yaml", "at least 6 spaces"),
    ("      from orders", "\tfrom orders", 24, 1, "yaml", "at least 6 spaces"),
    ("      select *\n", "         \n      select *\n", 23, 7, "yaml", "empty line"),
    ("The month to load", "\"The month to load", 9, 18, "yaml", "closed only in line 14"),
    ("The month to load", "'The month to load", 9, 18, "yaml", "never closed"),
    ("Europe/Vienna,", "\"Europe/Vienna,", 14, 43, "yaml", "closed only in line 32"),
    ("catch_up: latest, paused: false}", "catch_up: latest, paused: false", 14, 11, "yaml", "isn't closed"),
    ("choices: [eu, us]", "choices: [eu, us", 10, 35, "yaml", "isn't closed"),
    ("url: \"https://hooks.example/{{ run.id }}\"", "url: {{ run.id }}", 41, 10, "unquoted", "quotes"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "code", "word"),
    MISTAKES,
    ids=[f"{code}-{new[:30]}" for _, new, _, _, code, _ in MISTAKES],
)
def test_each_mistake_is_located(
    old: str, new: str, line: int, column: int, code: str, word: str
) -> None:
    assert GOOD.count(old) >= 1
    problems = checked(GOOD.replace(old, new, 1)).problems
    first = next(problem for problem in problems if problem.code == code)
    assert (first.line, first.column) == (line, column), problems
    assert word in first.message
    assert first.message[-1] in ".}"


def test_most_mistakes_are_one_problem() -> None:
    # Others may follow from it: a task that is gone is missed by those that need it.
    many = {
        new: checked(GOOD.replace(old, new, 1)).problems
        for old, new, *_ in MISTAKES
        if len(checked(GOOD.replace(old, new, 1)).problems) != 1
    }
    assert {new: [problem.code for problem in problems] for new, problems in many.items()} == {
        "tasks: {}\nold:\n": ["bad_value", "unknown_key"],
        "choices: [1, 2]": ["wrong_type", "wrong_type"],
        "  class:": ["bad_name", "unknown_name"],
        "  Region:": ["bad_name", "unknown_name"],
        "into: {artefact": ["missing", "missing", "unknown_key"],
        "needs: [lod]": ["unknown_need", "not_needed"],
        "needs: [notify]": ["cycle", "not_needed"],
        "needs: [load]": ["cycle", "not_needed"],
    }


def test_all_problems_are_reported_at_once() -> None:
    text = GOOD
    for old, new in (
        ("sla: 2h", "sla: 2"),
        ("0 6 * * 1-5", "x"),
        ("type: notebook", "type: nb"),
        ("needs: [load]", "needs: [none, load]"),
        ("params.region |", "params.none |"),
        ("connection: warehouse\n", "connection: nowhere\n"),
        ("team:finance", "team:sales"),
        ("timeout: 30s", "timeout: 30"),
        ("labels:", "lables:"),
    ):
        text = text.replace(old, new, 1)
    answer = checked(text)
    assert [problem.code for problem in answer.problems] == [
        "unknown_key",
        "bad_cron",
        "bad_duration",
        "run_as",
        "connection",
        "unknown_name",
        "unknown_task_type",
        "unknown_need",
        "bad_duration",
    ]
    assert answer.definition is None


def test_problems_outside_of_the_file_leave_a_definition() -> None:
    answer = checked(GOOD.replace("warehouse", "nowhere").replace("team:finance", "team:x"))
    assert {problem.code for problem in answer.problems} == {"connection", "run_as"}
    assert {problem.code for problem in answer.problems} <= OUTSIDE
    assert answer.definition is not None
    assert not answer.ok
    # Without a world nothing outside of the file is checked.
    assert check(GOOD.replace("warehouse", "nowhere"), REGISTRY).problems == []


def test_loading_a_file_with_mistakes_raises() -> None:
    with pytest.raises(InvalidInput, match=r"Line 16, column 6: It must be a duration") as caught:
        load(GOOD.replace("sla: 2h", "sla: 2"), REGISTRY)
    assert caught.value.code == "bad_pipeline"
    assert caught.value.details["problems"][0]["path"] == ["sla"]


@pytest.mark.parametrize(
    "text", ["", "a", "- a\n", "3", "null", "[]", "{}", "name: x\n", "tasks: 3\n"]
)
def test_texts_that_are_no_pipeline_are_refused(text: str) -> None:
    answer = checked(text)
    assert answer.problems
    assert answer.definition is None


def test_tasks_and_parameters_are_limited() -> None:
    def file(tasks: int, parameters: int) -> str:
        return (
            "name: p\nparameters:\n"
            + "".join(f"  p{number}: {{type: text, default: x}}\n" for number in range(parameters))
            + "tasks:\n"
            + "".join(
                f"  t{number}: {{type: http, url: x, needs: [{f't{number - 1}' if number else ''}]}}\n"
                for number in range(tasks)
            )
        )

    assert checked(file(200, 100)).problems == []
    assert [(item.path, item.code) for item in checked(file(201, 101)).problems] == [
        (("parameters",), "bad_value"),
        (("tasks",), "bad_value"),
    ]


def test_no_more_than_200_problems_are_listed() -> None:
    text = GOOD + "".join(f"key{number}: 1\n" for number in range(500))
    assert len(checked(text).problems) == 200


def inside(text: str, problem: Problem) -> bool:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return problem.line <= len(lines) and problem.column <= len(lines[problem.line - 1]) + 1


def swap_lines(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return "\n".join(lines)


def drop(text: str, rng: random.Random) -> str:
    start = rng.randrange(len(text))
    return text[:start] + text[start + rng.randint(1, 12) :]


def repeat(text: str, rng: random.Random) -> str:
    start = rng.randrange(len(text))
    piece = text[start : start + rng.randint(1, 40)]
    at = rng.randrange(len(text))
    return text[:at] + piece + text[at:]


def insert(text: str, rng: random.Random) -> str:
    pieces = [
        "{{", "}}", "{{ x }}", "{{ params.region }}", "{", "}", "[", "]", ":", ": ", "- ", "\n", "  ",
        "\t", "'", '"', "|", ">", "&a ", "*a ", "!x ", "!!map ", "<<: ", "%", "#", "null", "true", "1",
        "1e9", ".nan", "é", "😀", "\x85", "\u2028", "\ufeff", "\x00", "\r", "\\", "? ", "---\n",
        "...\n", "{{ 1 if", "{{ 'a", "params", "x" * 300, "{{ " + "(" * 60,
    ]  # fmt: skip
    at = rng.randrange(len(text))
    return text[:at] + rng.choice(pieces) + text[at:]


def retype(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    key, colon, _ = lines[at].partition(":")
    if colon:
        value = rng.choice(
            ["", " null", " 3", " []", " {}", " [{}]", " {a: b}", " 'x'", " [[1]]", " true", " 1.5"]
        )
        lines[at] = key + ":" + value
    return "\n".join(lines)


CHANGES: list[Callable[[str, random.Random], str]] = [swap_lines, drop, repeat, insert, retype]


@pytest.mark.parametrize("seed", range(4))
def test_random_edits_never_raise_and_every_problem_has_a_position(seed: int) -> None:
    rng = random.Random(seed)
    codes = set()
    for _ in range(220):
        text = GOOD
        for _ in range(rng.randint(1, 6)):
            text = rng.choice(CHANGES)(text, rng) or " "
        answer = checked(text)
        for problem in answer.problems:
            assert inside(text, problem), (problem, text)
            assert problem.message[-1:] in ".}?", problem
            codes.add(problem.code)
        assert answer.ok or answer.problems
        assert (answer.definition is None) == any(
            problem.code not in OUTSIDE for problem in answer.problems
        )
    assert len(codes) > 12


@pytest.mark.parametrize("seed", range(2))
def test_random_characters_never_raise(seed: int) -> None:
    rng = random.Random(seed)
    alphabet = "ab: \n\t-[]{}'\"|>&*!%#?,.0123é\\\r\x85~<=@`"
    for _ in range(1_500):
        text = "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 60)))
        answer = checked(text)
        assert answer.problems
        assert all(inside(text, problem) for problem in answer.problems), text
        answer = check(text.encode("utf-16-le"), REGISTRY)
        assert answer.problems


def test_a_task_type_can_point_at_a_part_of_a_text() -> None:
    class Picky(HttpSpec):
        """Calls an address, but not this host."""

        def problems(self, context: CheckContext) -> Iterable[TaskProblem]:
            yield TaskProblem(("url",), "bad_url", "Not this host.", self.url.index("a.example"))

    text = "name: a\ntasks:\n  one: {type: http, url: https://a.example/}\n"
    answer = check(text, {**REGISTRY, "http": Picky}, World())
    assert [(item.line, item.column, item.path) for item in answer.problems] == [
        (3, text.splitlines()[2].index("a.example") + 1, ("tasks", "one", "url"))
    ]
