"""Reruns with the same or the current version, runs for a day, and the numbers of runs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from support.house import House, save
from support.wait import wait_for

from wb_server.kit.errors import Conflict, InvalidInput, NotFound
from wb_server.pipelines.runs.models import ENDED, RerunRequest, RunDetail, RunQuery, RunRequest

STEPS = """name: steps
parameters:
  n: {{type: integer, default: {n}}}
  word: {{type: text, default: a}}
tasks:
  one: {{type: sql, connection: warehouse, statement: "select 1 as n", into: {{artifact: one.parquet}}}}
  named: {{type: sql, connection: warehouse, statement: "select {{{{ params.word }}}} as w"}}
  two: {{type: sql, needs: [one], connection: warehouse, statement: "select {two}"}}
  three: {{type: sql, needs: [two], connection: warehouse, statement: "select {{{{ params.n }}}} as n"}}
"""
BROKEN = STEPS.format(n=1, two="1 / 0")
MENDED = STEPS.format(n=2, two="1 / 1")


def done(house: House, run_id: str) -> RunDetail:
    wait_for(lambda: house.runs.get(house["ana"], run_id).state in ENDED, 30)
    return house.runs.get(house["ana"], run_id)


def again(house: House, run: RunDetail, **request: Any) -> RunDetail:
    made = house.runs.rerun(house["ana"], run.id, RerunRequest.model_validate(request))
    return done(house, made.id)


def dated(house: House, name: str, day: str, **more: Any) -> RunDetail:
    pipeline = house.pipelines.saved(house["ana"], name)
    request = RunRequest.model_validate({"date": day, **more})
    return done(house, house.runs.trigger(house["ana"], pipeline, request).id)


def attempts(run: RunDetail) -> dict[str, int]:
    """How often each task was tried; a result that was taken over has no attempt."""
    return {task.task: len(task.attempts) for task in run.tasks}


def test_a_failed_run_continues_with_the_mended_version_for_the_same_day(house: House) -> None:
    made = house.create("ana", BROKEN)
    failed = dated(house, "steps", "2024-02-29", parameters={"word": "x"})
    assert (failed.state, failed.current_version) == ("failed", 1)
    house.pipelines.save(house["ana"], made.id, save(MENDED))
    assert house.runs.get(house["ana"], failed.id).current_version == 2

    same = again(house, failed, what="failed")
    assert (same.state, same.version, same.parameters["n"]) == ("failed", 1, 1)
    # What was given stays; what wasn't takes the new default.
    current = again(house, failed, what="failed", version="current")
    assert (current.state, current.version, current.rerun_of) == ("succeeded", 2, failed.id)
    assert current.parameters == {"n": 2, "word": "x"}
    assert current.logical_at == failed.logical_at
    assert attempts(current) == {"one": 0, "named": 0, "two": 1, "three": 1}
    assert current.tasks[0].artifacts == failed.tasks[0].artifacts != []
    whole = again(house, failed, version="current")
    assert set(attempts(whole).values()) == {1}
    # A rerun of a rerun knows what the first run was given.
    assert again(house, current, version="current").parameters == {"n": 2, "word": "x"}
    assert [failed.number, same.number, current.number, whole.number] == [1, 2, 3, 4]


def test_what_succeeded_but_has_changed_runs_again(house: House) -> None:
    made = house.create("ana", BROKEN)
    failed = house.run("ana", "steps")
    moved = MENDED.replace("select 1 as n", "select 3 as n")
    house.pipelines.save(house["ana"], made.id, save(moved))
    current = again(house, failed, what="failed", version="current")
    assert attempts(current) == {"one": 1, "named": 0, "two": 1, "three": 1}
    # A description or another limit changes no result, a default that a task reads does.
    house.pipelines.save(
        house["ana"],
        made.id,
        save(
            MENDED.replace("named: {", "named: {description: The name, timeout: 5m, ").replace(
                "type: text, default: a", "type: text, default: b"
            )
        ),
    )
    current = again(house, failed, what="failed", version="current")
    assert attempts(current) == {"one": 0, "named": 1, "two": 1, "three": 1}
    house.pipelines.save(
        house["ana"], made.id, save(MENDED.replace("named: {", "named: {timeout: 5m, "))
    )
    current = again(house, failed, what="failed", version="current")
    assert attempts(current) == {"one": 0, "named": 0, "two": 1, "three": 1}


def test_a_default_that_an_sql_file_reads_counts_like_one_in_the_pipeline_file(
    house: House,
) -> None:
    files = {"named.sql": b"select {{ params.word }} as w", "plain.sql": b"select 1 as n"}
    broken, mended = (
        text.replace(
            'statement: "select {{ params.word }} as w"', "statement: {file: named.sql}"
        ).replace('statement: "select 1 as n"', "statement: {file: plain.sql}")
        for text in (BROKEN, MENDED)
    )
    made = house.create("ana", broken, files)
    failed = house.run("ana", "steps")
    assert attempts(failed) == {"one": 1, "named": 1, "two": 1, "three": 0}
    changed = mended.replace("type: text, default: a", "type: text, default: b")
    house.pipelines.save(house["ana"], made.id, save(changed, files))
    current = again(house, failed, what="failed", version="current")
    assert attempts(current) == {"one": 0, "named": 1, "two": 1, "three": 1}
    assert current.tasks[1].outputs == {"rows": 1, "w": "b"}


def test_a_failed_run_names_every_task_that_failed(house: House) -> None:
    tasks = "".join(
        f"  {name}: {{type: sql, connection: warehouse, statement: select {value}}}\n"
        for name, value in (("a", "1 / 0"), ("b", "1"), ("c", "2 / 0"), ("d", "3 / 0"))
    )
    house.create("ana", f"name: broken\ntasks:\n{tasks}")
    run = house.run("ana", "broken")
    first, rest = run.message.split(": ", 1)
    others = sorted({"a", "c", "d"} - {first})
    assert "division by zero" in rest.lower()
    assert sorted(rest.rsplit("Also failed: ", 1)[1].rstrip(".").split(", ")) == others


def test_a_rerun_with_another_version_names_what_does_not_fit(house: House) -> None:
    made = house.create("ana", BROKEN)
    failed = house.run("ana", "steps", word="x")
    text = MENDED.replace("word: {type: text, default: a}", "word: {type: integer, default: 1}")
    house.pipelines.save(house["ana"], made.id, save(text))
    with pytest.raises(InvalidInput, match="word: It must be a whole number"):
        again(house, failed, version="current")
    fewer = "\n".join(line for line in MENDED.splitlines() if "word" not in line)
    house.pipelines.save(house["ana"], made.id, save(fewer))
    with pytest.raises(NotFound, match="no such task in this version"):
        again(house, failed, version="current", what="task", task="named")
    current = again(house, failed, version="current", what="failed")
    assert (current.state, current.parameters) == ("succeeded", {"n": 2})
    assert list(attempts(current)) == ["one", "two", "three"]


def test_only_an_approved_version_runs_again(house: House) -> None:
    made = house.create("ana", BROKEN)
    failed = house.run("ana", "steps")
    house.share("ana", made.id, "eva", "edit")
    house.pipelines.save(house["eva"], made.id, save(MENDED))
    # The current version is the one that runs, not the newest.
    assert again(house, failed, version="current").version == 1
    house.pipelines.approve(house["ana"], made.id, 2)
    assert again(house, failed, version="current").version == 2


def test_a_run_is_for_a_day_in_the_schedules_time_zone(house: House) -> None:
    text = """name: daily
schedule: {cron: "0 6 * * *", timezone: Pacific/Auckland}
parameters: {day: {type: date, default: "{{ run.date | add_days(-1) }}"}}
tasks:
  one: {type: sql, connection: warehouse, statement: "select {{ run.date }} as d, {{ run.time }} as t", into: {artifact: d.parquet}}
"""
    made = house.create("ana", text)
    for day, before in (("2024-03-01", "2024-02-29"), ("1900-01-01", "1899-12-31")):
        run = dated(house, "daily", day)
        assert (run.parameters, str(run.run_date), run.state) == ({"day": before}, day, "succeeded")
    form = house.pipelines.form(house["ana"], made.id, date(2024, 3, 1))
    properties: Any = form["properties"]
    assert properties["day"]["default"] == "2024-02-29"
    for wrong in ("1899-12-31", "2200-01-01", "2024-02-30", "soon"):
        with pytest.raises(ValueError, match="date"):
            RunRequest.model_validate({"date": wrong})


def test_a_key_stands_for_one_day(house: House) -> None:
    house.create(
        "ana", "name: keyed\ntasks: {a: {type: sql, connection: warehouse, statement: select 1}}"
    )
    first = dated(house, "keyed", "2024-03-01", idempotency_key="k")
    assert dated(house, "keyed", "2024-03-01", idempotency_key="k").id == first.id
    with pytest.raises(Conflict, match="another date"):
        dated(house, "keyed", "2024-03-02", idempotency_key="k")


def test_runs_are_numbered_per_pipeline_and_listed_over_all(house: House) -> None:
    text = "name: {}\ntasks: {{a: {{type: sql, connection: warehouse, statement: select {}}}}}"
    for name, what in (("first", "1"), ("second", "1 / 0")):
        house.create("ana", text.format(name, what))
    made = [house.run("ana", name) for name in ("first", "second", "first", "first", "second")]
    assert [run.number for run in made] == [1, 1, 2, 3, 2]
    seen = {row.id: row.name for row in house.pipelines.list(house["ana"])}

    def listed(**query: Any) -> list[tuple[str, int]]:
        found, cursor = [], None
        while True:
            asked = RunQuery.model_validate({"limit": 2, "cursor": cursor, **query})
            page = house.runs.list(house["ana"], seen, asked)
            found += [(run.pipeline, run.number) for run in page.items]
            cursor = page.next
            if cursor is None:
                return found

    assert listed() == [("second", 2), ("first", 3), ("first", 2), ("second", 1), ("first", 1)]
    assert listed(state="failed") == [("second", 2), ("second", 1)]
    assert listed(pipeline="first", number=2) == [("first", 2)]
    assert listed(number=1) == [("second", 1), ("first", 1)]
